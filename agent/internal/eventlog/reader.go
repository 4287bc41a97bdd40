//go:build linux

package eventlog

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"github.com/caisson-dev/caisson/container"
)

// Reader reads the log from a time on. It is for one goroutine.
type Reader struct {
	l     *Log
	since time.Time
	next  uint64 // the segment to open after this one; 0: the oldest
	f     *os.File
	rest  []byte // read and not yet returned
	watch *os.File
}

// Read returns a reader. since: zero is from now on.
func (l *Log) Read(since time.Time) (*Reader, error) {
	r := &Reader{l: l, since: since}
	r.watch = watch(l.dir) // before the first look: nothing falls between
	if !since.IsZero() {
		return r, nil
	}
	all, err := l.list()
	if err != nil || len(all) == 0 {
		return r, err
	}
	if err := r.open(all[len(all)-1]); err != nil {
		r.Close()
		return nil, err
	}
	if r.f != nil {
		if _, err := r.f.Seek(0, io.SeekEnd); err != nil {
			r.Close()
			return nil, err
		}
	}
	return r, nil
}

// Close closes the reader.
func (r *Reader) Close() {
	for _, f := range []*os.File{r.f, r.watch} {
		if f != nil {
			f.Close()
		}
	}
}

// Next returns the next event, and io.EOF at the end of what is there.
func (r *Reader) Next() (container.Event, error) {
	for {
		line, err := r.line()
		if err != nil {
			return container.Event{}, err
		}
		var e container.Event
		if json.Unmarshal(line, &e) != nil {
			continue // torn: its writer was killed
		}
		if !e.Time.Before(r.since) {
			return e, nil
		}
	}
}

// Follow is Next that waits for events until ctx ends, and returns io.EOF at until, if that is not zero.
func (r *Reader) Follow(ctx context.Context, until time.Time) (container.Event, error) {
	for {
		over := !until.IsZero() && !time.Now().Before(until)
		e, err := r.Next()
		if err == nil && !until.IsZero() && e.Time.After(until) {
			return container.Event{}, io.EOF
		}
		if !errors.Is(err, io.EOF) || over {
			return e, err
		}
		if err := r.wait(ctx, until); err != nil {
			return container.Event{}, err
		}
	}
}

// line returns the next whole line.
func (r *Reader) line() ([]byte, error) {
	for {
		if i := bytes.IndexByte(r.rest, '\n'); i >= 0 {
			line := r.rest[:i]
			r.rest = r.rest[i+1:]
			return line, nil
		}
		if r.f != nil {
			buf := make([]byte, 32<<10)
			n, err := r.f.Read(buf)
			r.rest = append(r.rest, buf[:n]...)
			if n > 0 {
				continue
			}
			if err != nil && !errors.Is(err, io.EOF) {
				return nil, fmt.Errorf("event log: %w", err)
			}
		}
		if err := r.advance(); err != nil {
			return nil, err
		}
	}
}

// advance opens the segment after the present one. A segment whose successor exists is complete, but it may have
// grown since its last read.
func (r *Reader) advance() error {
	all, err := r.l.list()
	if err != nil {
		return err
	}
	for _, n := range all {
		if n < r.next {
			continue
		}
		if r.f != nil {
			if grown, err := r.grown(); err != nil || grown {
				return err
			}
		}
		if err := r.open(n); err != nil {
			return err
		}
		if r.f != nil {
			return nil
		}
	}
	return io.EOF
}

func (r *Reader) grown() (bool, error) {
	at, err := r.f.Seek(0, io.SeekCurrent)
	if err != nil {
		return false, err
	}
	st, err := r.f.Stat()
	return err == nil && st.Size() > at, err
}

// open changes to segment n, if it still is there.
func (r *Reader) open(n uint64) error {
	if r.f != nil {
		r.f.Close()
	}
	r.rest, r.next = nil, n+1
	var err error
	if r.f, err = os.Open(r.l.path(n)); errors.Is(err, fs.ErrNotExist) {
		r.f = nil
		return nil
	}
	return err
}

// watch returns a file that becomes readable when the directory's files change; nil where the user's inotify instances
// are used up.
func watch(dir string) *os.File {
	fd, err := unix.InotifyInit1(unix.IN_CLOEXEC | unix.IN_NONBLOCK)
	if err != nil {
		return nil
	}
	if _, err := unix.InotifyAddWatch(fd, dir, unix.IN_MODIFY|unix.IN_CREATE); err != nil {
		unix.Close(fd)
		return nil
	}
	return os.NewFile(uintptr(fd), "inotify")
}

// poll is how often a reader without a watch looks.
const poll = 50 * time.Millisecond

func (r *Reader) wait(ctx context.Context, until time.Time) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if r.watch == nil {
		t := time.NewTimer(poll)
		defer t.Stop()
		select {
		case <-t.C:
			return nil
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	if err := r.watch.SetReadDeadline(until); err != nil {
		return err
	}
	stop := context.AfterFunc(ctx, func() { _ = r.watch.SetReadDeadline(time.Now()) })
	defer stop()
	var buf [4096]byte
	_, err := r.watch.Read(buf[:])
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case errors.Is(err, os.ErrDeadlineExceeded):
		return nil
	}
	return err
}
