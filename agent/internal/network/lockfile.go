//go:build linux

package network

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"sync"

	"golang.org/x/sys/unix"
)

// lockFile is a lock across processes whose content counts the changes made under it, so that a reader sees
// with one pread whether what it remembers still holds. File times would not do: they are too coarse.
type lockFile struct {
	mu   sync.Mutex // flock does not exclude goroutines that share one open file
	file *os.File
}

func openLockFile(path string) (*lockFile, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	return &lockFile{file: f}, nil
}

func (l *lockFile) lock() error {
	l.mu.Lock()
	if err := flock(l.file, unix.LOCK_EX); err != nil {
		l.mu.Unlock()
		return fmt.Errorf("lock %s: %w", l.file.Name(), err)
	}
	return nil
}

func (l *lockFile) unlock() {
	flock(l.file, unix.LOCK_UN)
	l.mu.Unlock()
}

func (l *lockFile) generation() uint64 {
	var b [8]byte
	if _, err := l.file.ReadAt(b[:], 0); err != nil {
		return 0 // never changed yet
	}
	return binary.LittleEndian.Uint64(b[:])
}

// bump tells readers that something changed; the lock is held.
func (l *lockFile) bump() error {
	_, err := l.file.WriteAt(binary.LittleEndian.AppendUint64(nil, l.generation()+1), 0)
	return err
}

func (l *lockFile) close() error { return l.file.Close() }

func flock(f *os.File, how int) error {
	for {
		if err := unix.Flock(int(f.Fd()), how); err != unix.EINTR {
			return err
		}
	}
}

// tryLock reports whether the lock was free; it is held then.
func tryLock(f *os.File) (bool, error) {
	err := flock(f, unix.LOCK_EX|unix.LOCK_NB)
	if errors.Is(err, unix.EWOULDBLOCK) {
		return false, nil
	}
	return err == nil, err
}
