//go:build unix

package main

import (
	"os"
	"os/signal"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"
)

func ownSignal(s syscall.Signal) bool {
	return s == syscall.SIGCHLD || s == syscall.SIGPIPE || s == syscall.SIGURG || s == syscall.SIGWINCH
}

// signalNumber is a signal's number, which docker events tells in place of the name.
func signalNumber(name string) string {
	if n := unix.SignalNum(name); n != 0 {
		return strconv.Itoa(int(n))
	}
	return name
}

// notifyResize sends to ch when the terminal's size changes.
func notifyResize(ch chan os.Signal) (stop func()) {
	signal.Notify(ch, syscall.SIGWINCH)
	return func() { signal.Stop(ch) }
}
