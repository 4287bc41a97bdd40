//go:build linux

// Package thread runs functions that change what belongs to a thread alone: its namespaces, its root, its umask. Such a
// thread is used by nothing else afterwards.
//
// It changes nothing itself, and imports nothing of this module.
package thread

import (
	"os"
	"runtime"

	"golang.org/x/sys/unix"
)

// Run runs f on a thread of its own, which ends with f.
func Run(f func() error) error {
	done := make(chan error, 1)
	Go(func() { done <- f() })
	return <-done
}

// RunApart is Run with a working directory, a root and a umask that are the thread's alone: Go's threads share theirs.
func RunApart(f func() error) error {
	return Run(func() error {
		if err := unix.Unshare(unix.CLONE_FS); err != nil {
			return os.NewSyscallError("unshare", err)
		}
		return f()
	})
}

// Go is Run for who does not wait. The thread is never the main one: that one cannot end, and /proc/self would show its
// namespaces for the whole process from then on.
func Go(f func()) {
	go func() {
		runtime.LockOSThread()
		if unix.Gettid() != unix.Getpid() {
			f()
			return // still locked: the thread ends with the goroutine
		}
		started := make(chan struct{})
		go func() { // on another thread, as long as this one is taken
			runtime.LockOSThread()
			close(started)
			f()
		}()
		<-started
		runtime.UnlockOSThread()
	}()
}
