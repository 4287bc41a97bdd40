//go:build unix

package main

import (
	"os"
	"os/signal"
	"syscall"
)

func ownSignal(s syscall.Signal) bool {
	return s == syscall.SIGCHLD || s == syscall.SIGPIPE || s == syscall.SIGURG || s == syscall.SIGWINCH
}

// notifyResize sends to ch when the terminal's size changes.
func notifyResize(ch chan os.Signal) (stop func()) {
	signal.Notify(ch, syscall.SIGWINCH)
	return func() { signal.Stop(ch) }
}
