// Package filelock locks files among all processes of a machine: flock on Unix, LockFileEx on Windows. A lock ends when
// the file is closed, or with its process. It works on open files alone, and makes and removes none.
package filelock

import "os"

// Lock waits for the exclusive lock of a file.
func Lock(f *os.File) error { return lock(f, true) }

// RLock waits for a shared lock of a file.
func RLock(f *os.File) error { return lock(f, false) }

// TryLock takes the exclusive lock of a file if it is free, and says whether it did.
func TryLock(f *os.File) (bool, error) { return tryLock(f) }
