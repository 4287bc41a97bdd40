package logfile

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"time"
)

// Reader reads a log from its beginning, or from an offset.
type Reader struct {
	f    *os.File
	br   *bufio.Reader
	at   int64
	skip int // bytes of the next record to leave out
	buf  []byte
}

// Read opens the log at path for reading from an offset. A log that was never written is empty.
func Read(path string, from int64) (*Reader, error) {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return &Reader{}, nil
	}
	if err != nil {
		return nil, err
	}
	return &Reader{f: f, at: from}, nil
}

// Close closes the file.
func (r *Reader) Close() error {
	if r.f == nil {
		return nil
	}
	return r.f.Close()
}

// Next returns the next entry of a log that no one writes any more; io.EOF at the end.
func (r *Reader) Next() (Entry, error) {
	if r.f == nil {
		return Entry{}, io.EOF
	}
	end, err := r.size()
	if err != nil {
		return Entry{}, err
	}
	return r.next(end)
}

func (r *Reader) size() (int64, error) {
	st, err := r.f.Stat()
	if err != nil {
		return 0, err
	}
	return st.Size(), nil
}

// Ready says whether Follow would return at once.
func (r *Reader) Ready(l *Log) bool {
	size, closed, _ := l.state()
	return closed || r.at < size
}

func (r *Reader) next(end int64) (Entry, error) {
	e, err := r.read(end)
	if err == nil && r.skip > 0 {
		e.Data = e.Data[min(r.skip, len(e.Data)):]
		r.skip = 0
	}
	return e, err
}

// Follow returns the next entry of a log that is being written, and waits for it; io.EOF when the log is closed.
func (r *Reader) Follow(ctx context.Context, l *Log) (Entry, error) {
	for {
		size, closed, change := l.state()
		if r.at < size {
			return r.next(size)
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

// read reads the record at r.at if it is whole before end.
func (r *Reader) read(end int64) (Entry, error) {
	if r.at+headerSize > end {
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
	if r.at+headerSize+n > end {
		r.br = nil
		return Entry{}, io.EOF
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
