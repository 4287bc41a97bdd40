package logfile

import (
	"bufio"
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

	f   *os.File // nil: not opened yet
	br  *bufio.Reader
	buf []byte
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
	r.f, r.br = nil, nil
	return err
}

// Next returns the next entry of what there was when the Reader was made; io.EOF at the end.
func (r *Reader) Next() (Entry, error) { return r.next(r.end) }

// Follow returns the next entry of a log that is being written, and waits for it; io.EOF when the run is closed.
func (r *Reader) Follow(ctx context.Context, run *Run) (Entry, error) {
	for {
		end, closed, change := run.state()
		if r.place().before(end) {
			return r.next(end)
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
		if err := r.advance(); err != nil {
			return Entry{}, err
		}
	}
	return Entry{}, io.EOF
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
	if end-r.at < headerSize {
		return Entry{}, io.EOF
	}
	if r.br == nil {
		r.br = bufio.NewReaderSize(io.NewSectionReader(r.f, r.at, 1<<62-r.at), MaxChunk+headerSize)
	}
	h, err := r.br.Peek(headerSize)
	if err != nil {
		return Entry{}, r.again(err)
	}
	n := int64(binary.BigEndian.Uint32(h[12:]))
	if n > MaxChunk {
		return Entry{}, fmt.Errorf("log is damaged at byte %d", r.at)
	}
	if end-r.at-headerSize < n {
		return Entry{}, r.again(io.EOF)
	}
	e := Entry{Time: time.Unix(0, int64(binary.BigEndian.Uint64(h))), Stream: Stream(h[8])}
	if _, err := r.br.Discard(headerSize); err != nil {
		return Entry{}, err
	}
	if int64(cap(r.buf)) < n {
		r.buf = make([]byte, MaxChunk)
	}
	e.Data = r.buf[:n]
	if _, err := io.ReadFull(r.br, e.Data); err != nil {
		return Entry{}, err
	}
	r.at += headerSize + n
	if r.br.Buffered() == 0 {
		r.br = nil // what comes next is not in the buffer: look at the file again
	}
	return e, nil
}

func (r *Reader) again(err error) error {
	r.br = nil
	return err
}
