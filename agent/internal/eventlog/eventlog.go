//go:build linux

// Package eventlog keeps what happened in a store: a log of bounded size that all agents append to and read.
//
// It is a directory of numbered segments, with an event in JSON a line. Writers take turns by a lock; readers need none.
package eventlog

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/caisson-dev/caisson/container"
	"github.com/caisson-dev/caisson/internal/flock"
)

const (
	segmentSize = 256 << 10 // bytes; a segment ends with the event that passes it
	segments    = 4         // that are kept
	maxLine     = 16 << 10  // bytes of an event; labels beyond it are left out
	suffix      = ".jsonl"
)

// Log is the event log of a store. It is safe for concurrent use, also by several processes.
type Log struct {
	dir    string
	logger *slog.Logger
	mu     sync.Mutex
}

// Open opens the log in a directory, which it makes. logger is told of events that can't be written; nil discards.
func Open(dir string, logger *slog.Logger) (*Log, error) {
	if logger == nil {
		logger = slog.New(slog.DiscardHandler)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("event log: %w", err)
	}
	return &Log{dir: dir, logger: logger}, nil
}

// Emit adds an event, with the present time. A log that can't be written is not a reason to fail what has happened.
func (l *Log) Emit(e container.Event) {
	if err := l.Append(e); err != nil {
		l.logger.Warn("write event", "action", string(e.Action), "id", e.ID, "error", err)
	}
}

// Append adds an event, with the present time.
func (l *Log) Append(e container.Event) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	lock, err := flock.Acquire(context.Background(), filepath.Join(l.dir, "lock"), flock.Exclusive)
	if err != nil {
		return fmt.Errorf("event log: %w", err)
	}
	defer lock.Unlock()
	e.Time = time.Now() // under the lock: the order of the log is that of the times
	line, err := encode(e)
	if err != nil {
		return err
	}
	return l.write(line)
}

func encode(e container.Event) ([]byte, error) {
	line, err := json.Marshal(e)
	if err == nil && len(line) > maxLine {
		e.Labels = nil
		line, err = json.Marshal(e)
	}
	return append(line, '\n'), err
}

// write appends to the last segment; the lock is held.
func (l *Log) write(line []byte) error {
	all, err := l.list()
	if err != nil {
		return err
	}
	last := uint64(1)
	if len(all) > 0 {
		last = all[len(all)-1]
		if st, err := os.Stat(l.path(last)); err == nil && st.Size() >= segmentSize {
			last++
		}
	}
	f, err := os.OpenFile(l.path(last), os.O_CREATE|os.O_RDWR|os.O_APPEND, 0o600)
	if err != nil {
		return fmt.Errorf("event log: %w", err)
	}
	defer f.Close()
	if torn(f) {
		line = append([]byte{'\n'}, line...)
	}
	if _, err := f.Write(line); err != nil {
		return fmt.Errorf("event log: %w", err)
	}
	for _, n := range all {
		if n+segments <= last {
			_ = os.Remove(l.path(n)) // the next one tries again
		}
	}
	return nil
}

// torn says whether the last writer was killed in the middle of a line, or the disk was full.
func torn(f *os.File) bool {
	st, err := f.Stat()
	if err != nil || st.Size() == 0 {
		return false
	}
	var b [1]byte
	_, err = f.ReadAt(b[:], st.Size()-1)
	return err == nil && b[0] != '\n'
}

func (l *Log) path(n uint64) string { return filepath.Join(l.dir, fmt.Sprintf("%012d", n)+suffix) }

// list returns the numbers of the segments, oldest first.
func (l *Log) list() ([]uint64, error) {
	entries, err := os.ReadDir(l.dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("event log: %w", err)
	}
	var out []uint64
	for _, e := range entries {
		if name, ok := strings.CutSuffix(e.Name(), suffix); ok {
			if n, err := strconv.ParseUint(name, 10, 64); err == nil {
				out = append(out, n)
			}
		}
	}
	slices.Sort(out)
	return out, nil
}
