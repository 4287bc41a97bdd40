// Package logfile keeps what a container's process writes, each chunk with its stream and time, in one file or in
// several of a limited size. Attached clients and followers read the files too, so that a slow one holds up neither the
// container nor the others, and nothing is buffered in memory.
package logfile

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"
)

// A record is a header and the bytes as they were read: time (8 bytes, nanoseconds since 1970), stream (1), three of
// padding, length (4), all big endian.
const headerSize = 16

// MaxChunk bounds a record's payload, in bytes.
const MaxChunk = 64 << 10

// Stream says where a chunk was written.
type Stream byte

// The streams.
const (
	Stdout Stream = 1
	Stderr Stream = 2
)

// Entry is a chunk of output.
type Entry struct {
	Time   time.Time
	Stream Stream
	Data   []byte // valid until the next call
}

// Limit bounds what is kept. A file that is full makes way for a new one, and the oldest goes when there are too many.
type Limit struct {
	Size  int64 // of a file, in bytes; 0: no bound
	Files int   // how many; below 1: one
}

// Pos is a place in a log: a file, which are numbered in the order of their making, and a byte in it. The zero value
// is the beginning.
type Pos struct{ File, At int64 }

func (p Pos) before(q Pos) bool { return p.File < q.File || p.File == q.File && p.At < q.At }

// Log is a container's log. The file that is written to has its path, older ones the same with a number. It is safe
// for concurrent use. One agent writes; others may read while no one does.
type Log struct {
	limit Limit

	mu      sync.Mutex
	path    string
	spare   string // a directory that Spare has made
	file    int64  // the present file's number
	size    int64  // and its size; below 0: not known, it may end in half a record
	oldest  int64  // the number of the oldest file that is there
	writer  *Run
	written bool                 // this Log has written, so that it may remove files
	readers map[*Reader]struct{} // for whom files are kept
}

// Open finds the files of the log at path. Nothing need be there.
func Open(path string, limit Limit) (*Log, error) {
	l := &Log{path: path, limit: limit, size: -1, file: 1, oldest: 1, readers: map[*Reader]struct{}{}}
	if limit == (Limit{}) {
		return l, nil
	}
	entries, err := os.ReadDir(filepath.Dir(path))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("open log %s: %w", path, err)
	}
	oldest := int64(math.MaxInt64)
	for _, e := range entries {
		rest, ok := strings.CutPrefix(e.Name(), filepath.Base(path)+".")
		n, err := strconv.ParseInt(rest, 10, 64)
		if !ok || err != nil {
			continue
		}
		l.file, oldest = max(l.file, n+1), min(oldest, n)
	}
	l.oldest = min(oldest, l.file)
	return l, nil
}

// name is where a file is; l.mu is held.
func (l *Log) name(file int64) string {
	if file == l.file {
		return l.path
	}
	return l.path + "." + strconv.FormatInt(file, 10)
}

// first is the number of the oldest file that the limit keeps; l.mu is held.
func (l *Log) first() int64 {
	return max(l.oldest, l.file+1-int64(max(l.limit.Files, 1)))
}

// discard removes files beyond the limit that no reader is still to read; l.mu is held. One that can't be removed is
// left to the next time.
func (l *Log) discard() {
	if !l.written {
		return
	}
	keep := l.first()
	for r := range l.readers {
		keep = min(keep, r.file)
	}
	for l.oldest < keep {
		if err := os.Remove(l.name(l.oldest)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return
		}
		l.oldest++
	}
}

// end is the place behind the last record, as far as it is known without a look into the file; l.mu is held.
func (l *Log) end() (Pos, error) {
	if l.size >= 0 {
		return Pos{l.file, l.size}, nil
	}
	st, err := os.Stat(l.path)
	if errors.Is(err, fs.ErrNotExist) {
		return Pos{l.file, 0}, nil
	}
	if err != nil {
		return Pos{}, err
	}
	return Pos{l.file, st.Size()}, nil
}

func lastWhole(f *os.File) (int64, error) {
	st, err := f.Stat()
	if err != nil || st.Size() == 0 {
		return 0, err
	}
	r := &Reader{f: f}
	for {
		at := r.at
		if _, err := r.read(st.Size()); err != nil {
			if errors.Is(err, io.EOF) {
				return at, nil
			}
			return 0, err
		}
	}
}
