package logfile

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
)

// Spare keeps a log that is about to be removed for those who still read it: it moves what they have not opened into a
// directory, which mkdir makes and which goes with the last of them.
func (l *Log) Spare(mkdir func() (string, error)) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.spare != "" || !l.missed() {
		return nil
	}
	dir, err := mkdir()
	if err != nil {
		return err
	}
	l.spare = dir
	to := filepath.Join(dir, filepath.Base(l.path))
	for n := l.oldest; n <= l.file; n++ {
		from := l.name(n)
		if err := os.Rename(from, to+from[len(l.path):]); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	l.path = to
	return nil
}

// missed says whether a reader is still to open a file; l.mu is held.
func (l *Log) missed() bool {
	for r := range l.readers {
		if r.file < l.file || r.f == nil {
			return true
		}
	}
	return false
}

// left removes what Spare has kept after its last reader; l.mu is held.
func (l *Log) left() error {
	if l.spare == "" || len(l.readers) > 0 {
		return nil
	}
	return os.RemoveAll(l.spare)
}
