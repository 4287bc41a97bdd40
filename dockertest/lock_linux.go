package dockertest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"syscall"
	"time"
)

// lock takes the lock of one of the files, the first that is free, and waits until there is one. The kernel gives back
// the locks of a process that dies.
func lock(ctx context.Context, files ...string) (unlock func(), err error) {
	for pause := time.Millisecond; ; pause = min(2*pause, 20*time.Millisecond) {
		for _, name := range files {
			f, err := tryLock(name)
			if err == nil {
				return func() { _ = f.Close() }, nil // which unlocks it
			}
			if !errors.Is(err, errLocked) {
				return nil, err
			}
		}
		select {
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		case <-time.After(pause):
		}
	}
}

var errLocked = errors.New("another process has the lock")

func tryLock(name string) (*os.File, error) {
	f, err := os.OpenFile(name, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if err == nil {
		return f, nil
	}
	_ = f.Close() // nothing was written
	if errors.Is(err, syscall.EWOULDBLOCK) || errors.Is(err, syscall.EINTR) {
		return nil, errLocked
	}
	return nil, fmt.Errorf("lock %s: %w", name, err)
}
