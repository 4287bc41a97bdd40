package flock

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"
)

// Mode says who else may have the lock at the same time.
type Mode int

const (
	Shared    Mode = iota // others that want it shared too
	Exclusive             // no one
)

// Lock is a held lock. Each is a holder of its own, also within one process.
type Lock struct{ f *os.File }

// Unlock gives the lock back.
func (l *Lock) Unlock() { _ = l.f.Close() } // nothing was written

// File is the locked file. The lock lasts until the last descriptor of it is closed, in this process or in another that
// has inherited one.
func (l *Lock) File() *os.File { return l.f }

// errGone: the file was removed or replaced between open and lock.
var errGone = errors.New("lock file replaced")

// Acquire locks the file at path, which it makes with mode 0600 if need be, and waits for others until ctx ends. Its
// error is then the cause of ctx. When the file is removed or replaced meanwhile, Acquire locks the new one.
func Acquire(ctx context.Context, path string, m Mode) (*Lock, error) {
	for {
		l, err := Try(path, m)
		if l != nil || err != nil {
			return l, err
		}
		l, err = wait(ctx, path, m)
		if !errors.Is(err, errGone) {
			return l, err
		}
	}
}

// Try locks the file at path, which it makes with mode 0600 if need be. When another has the lock, Try returns nil and
// no error.
func Try(path string, m Mode) (*Lock, error) {
	for {
		f, err := open(path)
		if err != nil {
			return nil, err
		}
		ok, err := TryFile(f, m)
		if ok {
			if err = same(f, path); err == nil {
				return &Lock{f}, nil
			}
		}
		_ = f.Close()
		if !errors.Is(err, errGone) {
			return nil, err
		}
	}
}

// TryDying is Try, but waits for a process that was killed and is about to let go of the lock: one with much memory takes a
// while to end.
func TryDying(path string, m Mode) (*Lock, error) {
	for end := time.Now().Add(5 * time.Second); ; time.Sleep(time.Millisecond) {
		l, err := Try(path, m)
		if l != nil || err != nil || !dying(path) || time.Now().After(end) {
			return l, err
		}
	}
}

// wait waits for the lock that Try did not get.
func wait(ctx context.Context, path string, m Mode) (*Lock, error) {
	f, err := open(path)
	if err != nil {
		return nil, err
	}
	// The kernel's wait can't be interrupted: after a cancel the goroutine gets the lock later and drops it.
	got := make(chan error)
	go func() {
		err := WaitFile(f, m)
		select {
		case got <- err:
		case <-ctx.Done():
			_ = f.Close()
		}
	}()
	select {
	case err := <-got:
		if err == nil {
			err = same(f, path)
		}
		if err != nil {
			_ = f.Close()
			return nil, err
		}
		return &Lock{f}, nil
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// WaitFile locks an open file and waits for others without limit. An open file that has the lock already changes its
// mode: goroutines that share one file do not exclude each other.
func WaitFile(f *os.File, m Mode) error { return named(f, lock(f, m)) }

// TryFile locks an open file unless another has it, and says whether it did.
func TryFile(f *os.File, m Mode) (bool, error) {
	ok, err := tryLock(f, m)
	return ok, named(f, err)
}

// UnlockFile gives back the lock of a file that stays open.
func UnlockFile(f *os.File) error { return named(f, unlock(f)) }

func named(f *os.File, err error) error {
	if err != nil {
		return fmt.Errorf("lock %s: %w", f.Name(), err)
	}
	return nil
}

func open(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("lock: %w", err)
	}
	return f, nil
}

// same reports errGone when path no longer names the file that was locked.
func same(f *os.File, path string) error {
	locked, err := f.Stat()
	if err != nil {
		return err
	}
	if now, err := os.Stat(path); err != nil || !os.SameFile(locked, now) {
		return errGone
	}
	return nil
}
