//go:build !unix

package main

import (
	"os"
	"syscall"
)

func ownSignal(syscall.Signal) bool { return false }

func signalNumber(name string) string { return name }

// notifyResize does nothing: the system has no signal for it.
func notifyResize(chan os.Signal) (stop func()) { return func() {} }
