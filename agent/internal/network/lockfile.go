//go:build linux

package network

import (
	"encoding/binary"
	"os"
	"sync"

	"github.com/caisson-dev/caisson/internal/flock"
)

// lockFile is a lock across processes whose content counts the changes made under it, so that a reader sees
// with one pread whether what it remembers still holds. File times would not do: they are too coarse.
type lockFile struct {
	mu   sync.Mutex // the lock does not exclude goroutines that share one open file
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
	err := flock.WaitFile(l.file, flock.Exclusive)
	if err != nil {
		l.mu.Unlock()
	}
	return err
}

func (l *lockFile) unlock() {
	flock.UnlockFile(l.file)
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
