//go:build !unix

package main

import "syscall"

func ownSignal(syscall.Signal) bool { return false }
