package logfile

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"time"
)

// Reader reads a log. What it is still to read stays, also beyond the limit, until it is closed. It belongs to one
// goroutine.
type Reader struct {
	l    *Log
	end  Pos // where Next ends
	file int64
	at   int64
	skip int // bytes of the next record to leave out

	f      *os.File // nil: not opened yet
	buf    []byte
	lo, hi int // what of buf is read and not given yet: from at on, and nothing behind the end that was known then
}

// Read reads the log from a place on, or from its oldest file if that is younger.
func (l *Log) Read(from Pos) (*Reader, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	end, err := l.end()
	if err != nil {
		return nil, err
	}
	r := &Reader{l: l, end: end, file: from.File, at: from.At}
	if first := l.first(); r.file < first {
		r.file, r.at = first, 0
	}
	l.readers[r] = struct{}{}
	return r, nil
}

// Close closes the file and lets go of those that were kept for it.
func (r *Reader) Close() error {
	r.l.mu.Lock()
	defer r.l.mu.Unlock()
	delete(r.l.readers, r)
	r.l.discard()
	return errors.Join(r.shut(), r.l.left())
}

func (r *Reader) shut() error {
	if r.f == nil {
		return nil
	}
	err := r.f.Close()
	r.f, r.lo, r.hi = nil, 0, 0
	return err
}

// Next returns the next entry of what there was when the Reader was made; io.EOF at the end.
func (r *Reader) Next() (Entry, error) { return r.next(r.end) }

// Follow returns the next entry of a log that is being written, and waits for it; io.EOF when the run is closed.
func (r *Reader) Follow(ctx context.Context, run *Run) (Entry, error) {
	for {
		end, closed, change := run.state()
		if r.place().before(end) {
			e, err := r.next(end)
			if errors.Is(err, io.EOF) { // what the run has written is whole
				err = r.damaged()
			}
			return e, err
		}
		if closed {
			return Entry{}, io.EOF
		}
		select {
		case <-change:
		case <-ctx.Done():
			return Entry{}, context.Cause(ctx)
		}
	}
}

// Ready says whether Follow would return at once.
func (r *Reader) Ready(run *Run) bool {
	end, closed, _ := run.state()
	return closed || r.place().before(end)
}

func (r *Reader) place() Pos { return Pos{r.file, r.at} }

func (r *Reader) next(end Pos) (Entry, error) {
	e, err := r.entry(end)
	if err == nil && r.skip > 0 {
		e.Data = e.Data[min(r.skip, len(e.Data)):]
		r.skip = 0
	}
	return e, err
}

// entry reads the next record before end, in this file or in one after it.
func (r *Reader) entry(end Pos) (Entry, error) {
	for r.place().before(end) {
		upTo := end.At
		if r.file < end.File {
			upTo = math.MaxInt64 // to its end
		}
		e, err := r.readFile(upTo)
		if err == nil || !errors.Is(err, io.EOF) {
			return e, err
		}
		if r.file == end.File {
			return Entry{}, err // half a record
		}
		if err := r.whole(); err != nil {
			return Entry{}, err
		}
		if err := r.advance(); err != nil {
			return Entry{}, err
		}
	}
	return Entry{}, io.EOF
}

// whole holds that a file that is complete does not end in half a record.
func (r *Reader) whole() error {
	if r.f == nil {
		return nil // it is gone
	}
	st, err := r.f.Stat()
	if err == nil && st.Size() > r.at {
		err = r.damaged()
	}
	return err
}

func (r *Reader) damaged() error {
	return fmt.Errorf("log is damaged: no whole record at byte %d of file %d", r.at, r.file)
}

// advance goes on to the next file.
func (r *Reader) advance() error {
	r.l.mu.Lock()
	defer r.l.mu.Unlock()
	r.file++
	r.at = 0
	r.l.discard()
	return r.shut()
}

// readFile is read in the present file, which it opens. One that is gone is empty: another agent made way for new ones.
func (r *Reader) readFile(upTo int64) (Entry, error) {
	if r.f == nil {
		if err := r.open(); errors.Is(err, fs.ErrNotExist) {
			return Entry{}, io.EOF
		} else if err != nil {
			return Entry{}, err
		}
	}
	return r.read(upTo)
}

func (r *Reader) open() error {
	r.l.mu.Lock()
	defer r.l.mu.Unlock()
	f, err := os.Open(r.l.name(r.file))
	if err == nil {
		r.f = f
	}
	return err
}

// read reads the record at r.at if it is whole before end.
func (r *Reader) read(end int64) (Entry, error) {
	h, err := r.peek(headerSize, end)
	if err != nil {
		return Entry{}, err
	}
	n := int64(binary.BigEndian.Uint32(h[12:]))
	if n > MaxChunk {
		return Entry{}, r.damaged()
	}
	p, err := r.peek(headerSize+n, end)
	if err != nil {
		return Entry{}, err
	}
	r.lo += len(p)
	r.at += int64(len(p))
	return Entry{Time: time.Unix(0, int64(binary.BigEndian.Uint64(p))), Stream: Stream(p[8]), Data: p[headerSize:]}, nil
}

// peek returns the next n bytes, or io.EOF if there are fewer before end or in the file. It never reads behind end, where
// a record is being written.
func (r *Reader) peek(n, end int64) ([]byte, error) {
	if end-r.at < n {
		return nil, io.EOF
	}
	if r.buf == nil {
		r.buf = make([]byte, headerSize+MaxChunk)
	}
	if int64(r.hi-r.lo) < n {
		r.lo, r.hi = 0, copy(r.buf, r.buf[r.lo:r.hi])
		room := min(int64(len(r.buf)), end-r.at)
		got, err := r.f.ReadAt(r.buf[r.hi:room], r.at+int64(r.hi))
		r.hi += got
		if err != nil && !errors.Is(err, io.EOF) {
			return nil, err
		}
	}
	if int64(r.hi-r.lo) < n {
		return nil, io.EOF
	}
	return r.buf[r.lo : r.lo+int(n)], nil
}
