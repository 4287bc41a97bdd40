package state

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// Lock is a held flock.
type Lock struct{ f *os.File }

// Unlock lets go.
func (l *Lock) Unlock() { l.f.Close() }

// Upgrade makes a shared lock exclusive if no one else has it, and reports whether it did.
func (l *Lock) Upgrade() bool { return flock(l.f, unix.LOCK_EX|unix.LOCK_NB) == nil }

// File is the locked file; its lock ends with its last descriptor.
func (l *Lock) File() *os.File { return l.f }

// Inherit takes over a lock that another process holds by the same open file.
func Inherit(fd uintptr) *Lock {
	unix.CloseOnExec(int(fd))
	return &Lock{os.NewFile(fd, "lock")}
}

// errGone: the file was removed between open and flock.
var errGone = errors.New("lock file replaced")

// Acquire flocks the file at path, which it makes if need be, and waits for others until ctx ends. Each call is a
// holder of its own, also within one process.
func Acquire(ctx context.Context, path string, exclusive bool) (*Lock, error) {
	for {
		l, err := acquire(ctx, path, exclusive)
		if !errors.Is(err, errGone) {
			return l, err
		}
	}
}

func acquire(ctx context.Context, path string, exclusive bool) (*Lock, error) {
	l, err := try(path, exclusive)
	if err == nil || !errors.Is(err, unix.EWOULDBLOCK) {
		return l, err
	}
	f, err := openLock(path)
	if err != nil {
		return nil, err
	}
	how := unix.LOCK_SH
	if exclusive {
		how = unix.LOCK_EX
	}
	// The kernel's wait can't be interrupted: after a cancel the goroutine gets the lock later and drops it.
	got := make(chan error)
	go func() {
		err := flock(f, how)
		select {
		case got <- err:
		case <-ctx.Done():
			f.Close()
		}
	}()
	select {
	case err := <-got:
		if err == nil {
			err = same(f, path)
		}
		if err != nil {
			f.Close()
			return nil, err
		}
		return &Lock{f}, nil
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// Try flocks the file at path if no one else holds it; otherwise it returns nil and no error.
func Try(path string, exclusive bool) (*Lock, error) {
	for {
		l, err := try(path, exclusive)
		switch {
		case errors.Is(err, errGone):
		case errors.Is(err, unix.EWOULDBLOCK):
			return nil, nil
		default:
			return l, err
		}
	}
}

func try(path string, exclusive bool) (*Lock, error) {
	f, err := openLock(path)
	if err != nil {
		return nil, err
	}
	how := unix.LOCK_SH
	if exclusive {
		how = unix.LOCK_EX
	}
	err = flock(f, how|unix.LOCK_NB)
	if err == nil {
		err = same(f, path)
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return &Lock{f}, nil
}

func openLock(path string) (*os.File, error) {
	fd, err := unix.Open(path, unix.O_CREAT|unix.O_RDWR|unix.O_CLOEXEC, 0o600)
	if err != nil {
		return nil, &os.PathError{Op: "open lock", Path: path, Err: err}
	}
	return os.NewFile(uintptr(fd), path), nil
}

func flock(f *os.File, how int) error {
	for {
		err := unix.Flock(int(f.Fd()), how)
		if !errors.Is(err, unix.EINTR) {
			if err != nil {
				return fmt.Errorf("flock %s: %w", f.Name(), err)
			}
			return nil
		}
	}
}

// same reports errGone when path no longer names the file that was locked.
func same(f *os.File, path string) error {
	var a, b unix.Stat_t
	if err := unix.Fstat(int(f.Fd()), &a); err != nil {
		return err
	}
	if err := unix.Stat(path, &b); err != nil || a.Ino != b.Ino || a.Dev != b.Dev {
		return errGone
	}
	return nil
}

// Shared takes the store's lock for work that adds (pull, build, create): many at a time.
func (l Layout) Shared(ctx context.Context) (*Lock, error) {
	// Through the gate, so that a stream of sharers does not starve a remover.
	gate, err := Acquire(ctx, filepath.Join(l.Locks(), "gate"), false)
	if err != nil {
		return nil, err
	}
	defer gate.Unlock()
	return Acquire(ctx, filepath.Join(l.Locks(), "store"), false)
}

// Exclusive takes the store's lock for work that removes images: alone.
func (l Layout) Exclusive(ctx context.Context) (*Lock, error) {
	gate, err := Acquire(ctx, filepath.Join(l.Locks(), "gate"), true)
	if err != nil {
		return nil, err
	}
	defer gate.Unlock()
	return Acquire(ctx, filepath.Join(l.Locks(), "store"), true)
}
