package flock

import (
	"errors"
	"os"

	"golang.org/x/sys/windows"
)

// lockOffset is beyond any content: locks of LockFileEx are mandatory, and content must stay readable.
const lockOffset = 1 << 30

func lock(f *os.File, m Mode) error { return lockEx(f, flags(m)) }

func tryLock(f *os.File, m Mode) (bool, error) {
	err := lockEx(f, flags(m)|windows.LOCKFILE_FAIL_IMMEDIATELY)
	if errors.Is(err, windows.ERROR_LOCK_VIOLATION) {
		return false, nil
	}
	return err == nil, err
}

func unlock(f *os.File) error {
	return windows.UnlockFileEx(windows.Handle(f.Fd()), 0, 1, 0, &windows.Overlapped{OffsetHigh: lockOffset})
}

func flags(m Mode) uint32 {
	if m == Exclusive {
		return windows.LOCKFILE_EXCLUSIVE_LOCK
	}
	return 0
}

func lockEx(f *os.File, flags uint32) error {
	return windows.LockFileEx(windows.Handle(f.Fd()), flags, 0, 1, 0, &windows.Overlapped{OffsetHigh: lockOffset})
}
