//go:build unix

package registrystore

import (
	"errors"
	"os"
	"syscall"
)

// renameOpen says that a file can be renamed while it is open.
const renameOpen = true

// lockFile waits for an advisory lock, which ends with the file's close or the process.
func lockFile(f *os.File, exclusive bool) error {
	how := syscall.LOCK_SH
	if exclusive {
		how = syscall.LOCK_EX
	}
	return flockRetry(f, how)
}

// tryLockFile takes the lock exclusively if it is free.
func tryLockFile(f *os.File) (bool, error) {
	err := flockRetry(f, syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return false, nil
	}
	return err == nil, err
}

func flockRetry(f *os.File, how int) error {
	for {
		if err := syscall.Flock(int(f.Fd()), how); !errors.Is(err, syscall.EINTR) {
			return err
		}
	}
}

// syncDir makes a rename or a new name in dir last.
func syncDir(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }()
	return f.Sync()
}
