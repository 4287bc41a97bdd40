package logfile

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"time"
)

// Run is the writing side of a log, from a start of the container to its end. It is safe for concurrent use.
type Run struct {
	l *Log
	f *os.File

	// l.mu guards these.
	from   Pos
	end    Pos
	closed bool
	change chan struct{} // closed and replaced at every write
	lost   int64
	why    error         // of the first loss
	loss   chan struct{} // closed at the first loss
}

// Begin opens the log for appending; the run before must be closed. A half record that a killed agent left at the end
// is cut off.
func (l *Log) Begin() (*Run, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.writer != nil {
		return nil, fmt.Errorf("open log %s: it is being written", l.path)
	}
	f, err := os.OpenFile(l.path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	if l.size < 0 {
		size, err := lastWhole(f)
		if err == nil {
			err = f.Truncate(size)
		}
		if err != nil {
			return nil, errors.Join(fmt.Errorf("open log %s: %w", l.path, err), f.Close())
		}
		l.size = size
	}
	l.written = true
	l.discard()
	at := Pos{l.file, l.size}
	l.writer = &Run{l: l, f: f, from: at, end: at, change: make(chan struct{}), loss: make(chan struct{})}
	return l.writer, nil
}

// Read reads the log that the run writes.
func (r *Run) Read(from Pos) (*Reader, error) { return r.l.Read(from) }

// From is where the run began.
func (r *Run) From() Pos { return r.from }

// End is the place behind the last record.
func (r *Run) End() Pos {
	end, _, _ := r.state()
	return end
}

// state is what a follower needs: how far it may read, whether more may come, and a channel that tells.
func (r *Run) state() (end Pos, closed bool, change <-chan struct{}) {
	r.l.mu.Lock()
	defer r.l.mu.Unlock()
	return r.end, r.closed, r.change
}

// Close ends the run: followers come to its end.
func (r *Run) Close() error {
	r.l.mu.Lock()
	defer r.l.mu.Unlock()
	if r.closed {
		return nil
	}
	r.closed = true
	r.l.writer = nil
	close(r.change)
	return r.f.Close()
}

// Copy appends what from gives until its end. What can't be written, such as on a full disk, is lost and counted, and what
// comes after it is tried again: the container must not hang.
func (r *Run) Copy(s Stream, from io.Reader) error {
	buf := make([]byte, headerSize+MaxChunk)
	for {
		n, err := from.Read(buf[headerSize:])
		if n > 0 {
			r.append(s, time.Now(), buf[:headerSize+n])
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// Lost says how many bytes could not be written, and why the first of them.
func (r *Run) Lost() (bytes int64, why error) {
	r.l.mu.Lock()
	defer r.l.mu.Unlock()
	return r.lost, r.why
}

// Loss is closed when something could not be written.
func (r *Run) Loss() <-chan struct{} { return r.loss }

// append writes a chunk, before which buf has room for a header, or counts what it could not write.
func (r *Run) append(s Stream, at time.Time, buf []byte) {
	r.l.mu.Lock()
	defer r.l.mu.Unlock()
	left, err := r.appendLocked(s, at, buf)
	if err != nil {
		r.lost += int64(left)
		if r.why == nil {
			r.why = err
			close(r.loss)
		}
	}
}

func (r *Run) appendLocked(s Stream, at time.Time, buf []byte) (left int, err error) {
	defer func() { // also of what went before an error
		close(r.change)
		r.change = make(chan struct{})
	}()
	for len(buf) > headerSize {
		n := r.l.fits(buf[headerSize:])
		if n == 0 {
			if err := r.rotate(); err != nil {
				return len(buf) - headerSize, err
			}
			continue
		}
		binary.BigEndian.PutUint64(buf, uint64(at.UnixNano()))
		copy(buf[8:], []byte{byte(s), 0, 0, 0})
		binary.BigEndian.PutUint32(buf[12:], uint32(n))
		if _, err := r.f.WriteAt(buf[:headerSize+n], r.l.size); err != nil {
			_ = r.f.Truncate(r.l.size) // the half record; if that fails, the next one overwrites it
			return len(buf) - headerSize, err
		}
		r.l.size += int64(headerSize + n)
		r.end = Pos{r.l.file, r.l.size}
		buf = buf[n:] // the next header's room is what was just written
	}
	return 0, nil
}

// fits is how much of a chunk goes into the present file: all of it, or its lines that fit. A line alone that is
// longer than a file is cut. l.mu is held.
func (l *Log) fits(p []byte) int {
	room := l.limit.Size - l.size - headerSize
	switch {
	case l.limit.Size == 0 || int64(len(p)) <= room:
		return len(p)
	case room > 0 && bytes.IndexByte(p[:room], '\n') >= 0:
		return bytes.LastIndexByte(p[:room], '\n') + 1
	case l.size > 0:
		return 0
	}
	return int(max(room, 1))
}

// rotate goes on in a new file; l.mu is held.
func (r *Run) rotate() error {
	l := r.l
	l.file++
	old := l.name(l.file - 1)
	if err := os.Rename(l.path, old); err != nil {
		l.file--
		return err
	}
	f, err := os.OpenFile(l.path, os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600)
	if err != nil {
		l.file--
		return errors.Join(err, os.Rename(old, l.path))
	}
	err = r.f.Close()
	r.f, l.size = f, 0
	l.discard()
	return err
}
