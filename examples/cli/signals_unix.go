//go:build unix

package main

import "syscall"

func ownSignal(s syscall.Signal) bool {
	return s == syscall.SIGCHLD || s == syscall.SIGPIPE || s == syscall.SIGURG || s == syscall.SIGWINCH
}
