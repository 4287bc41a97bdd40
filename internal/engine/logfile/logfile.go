// Package logfile keeps what a container's process writes: one file, each chunk with its stream and time. Attached
// clients and followers read the file too, so that a slow one holds up neither the container nor the others, and
// nothing is buffered in memory.
package logfile

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
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

// Log is the writing side, which one agent holds. It is safe for concurrent use.
type Log struct {
	f *os.File

	mu     sync.Mutex
	size   int64
	closed bool
	change chan struct{} // closed and replaced at every write
}

// Open opens the log at path for appending. A half record that a killed agent left at its end is cut off.
func Open(path string) (*Log, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	end, err := lastWhole(f)
	if err == nil {
		err = f.Truncate(end)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open log %s: %w", path, err), f.Close())
	}
	return &Log{f: f, size: end, change: make(chan struct{})}, nil
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

// Copy appends what r gives until its end.
func (l *Log) Copy(s Stream, r io.Reader) error {
	buf := make([]byte, headerSize+MaxChunk)
	for {
		n, err := r.Read(buf[headerSize:])
		if n > 0 {
			binary.BigEndian.PutUint64(buf, uint64(time.Now().UnixNano()))
			buf[8] = byte(s)
			binary.BigEndian.PutUint32(buf[12:], uint32(n))
			if werr := l.append(buf[:headerSize+n]); werr != nil {
				return errors.Join(werr, drain(r))
			}
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// drain keeps a container going whose log can't be written: a full disk must not hang it.
func drain(r io.Reader) error {
	_, err := io.Copy(io.Discard, r)
	return err
}

func (l *Log) append(p []byte) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if _, err := l.f.WriteAt(p, l.size); err != nil {
		return err
	}
	l.size += int64(len(p))
	close(l.change)
	l.change = make(chan struct{})
	return nil
}

// Close ends the log: followers come to its end.
func (l *Log) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return nil
	}
	l.closed = true
	close(l.change)
	return l.f.Close()
}

// state is what a follower needs: how far it may read, whether more may come, and a channel that tells.
func (l *Log) state() (size int64, closed bool, change <-chan struct{}) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.size, l.closed, l.change
}

// End is the offset behind the last record.
func (l *Log) End() int64 {
	size, _, _ := l.state()
	return size
}
