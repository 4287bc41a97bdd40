package container

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"iter"
	"slices"
	"time"

	"github.com/caisson-dev/caisson/internal/api"
)

// LogConfig bounds the log of a container, like max-size and max-file of Docker's json-file driver.
type LogConfig struct {
	// MaxSize is the size of a file of the log in bytes, at least 1024. Each piece of output takes 16 bytes more than its
	// own. When a file is full a new one is begun, between two lines if that is possible. Default: no bound.
	MaxSize int64 `json:"maxSize,omitempty"`
	// MaxFiles is how many files are kept; the oldest is removed first. It needs MaxSize. What Attach and Logs have still
	// to read is kept until they have read it. Default: 1, which means that a new file replaces the full one.
	MaxFiles int `json:"maxFiles,omitempty"`
}

// LogsOptions choose what Logs and LogEntries return. Default: all that was written until now.
type LogsOptions struct {
	// Stdout and Stderr get what the process wrote there. One writer for both gets it in the order in which it
	// came; what the process wrote to the two at nearly the same time may change places. Default: it is discarded.
	Stdout io.Writer `json:"-"`
	Stderr io.Writer `json:"-"`
	// Follow goes on until the process has ended or the container is removed, neither of which is an error.
	Follow bool `json:"follow,omitempty"`
	// Since leaves out what was written before. Default: the beginning.
	Since time.Time `json:"since,omitzero"`
	// Until leaves out what was written after it, and with Follow ends the stream then. Default: no end.
	Until time.Time `json:"until,omitzero"`
	// Tail is how many of the last lines are returned. Below 0 means none. Default: all lines.
	Tail int `json:"tail,omitempty"`
	// Timestamps puts the time of writing before each line, in RFC 3339 with nanoseconds, like docker logs.
	Timestamps bool `json:"-"`
}

// Logs writes what the container's process has written since its first start, or what Options.Log has kept of it.
// Without Follow it ends with what was there when it was called.
//
// Errors: ErrNotFound when the container is not there; those of the writers.
func (c *Container) Logs(ctx context.Context, opts LogsOptions) error {
	if opts.Timestamps {
		for e, err := range c.LogEntries(ctx, opts) {
			if err != nil {
				return err
			}
			w := opts.Stdout
			if e.Stderr {
				w = opts.Stderr
			}
			line := append([]byte(e.Time.UTC().Format(time.RFC3339Nano)+" "), e.Line...)
			if err := writeTo(w, append(line, '\n')); err != nil {
				return err
			}
		}
		return nil
	}
	return c.chunks(ctx, opts, func(k api.Kind, _ time.Time, p []byte) error {
		if k == api.Stderr {
			return writeTo(opts.Stderr, p)
		}
		return writeTo(opts.Stdout, p)
	})
}

// LogEntry is a line of a log.
type LogEntry struct {
	Time   time.Time // when its beginning was written
	Stderr bool      // written to standard error
	Line   string    // without its line feed
}

// LogEntries returns the lines of the log. A line longer than 1 MiB comes in pieces. The writers of opts are not used.
// An error comes last.
//
// Errors: ErrNotFound when the container is not there.
func (c *Container) LogEntries(ctx context.Context, opts LogsOptions) iter.Seq2[LogEntry, error] {
	return func(yield func(LogEntry, error) bool) {
		var lines [2]lineBuffer
		err := c.chunks(ctx, opts, func(k api.Kind, at time.Time, p []byte) error {
			l := &lines[0]
			if k == api.Stderr {
				l = &lines[1]
				l.stderr = true
			}
			return l.add(at, p, yield)
		})
		for i := range lines {
			if err == nil && len(lines[i].b) > 0 {
				err = lines[i].flush(yield)
			}
		}
		if err != nil && !errors.Is(err, errStop) {
			yield(LogEntry{}, err)
		}
	}
}

// errStop: the loop over the entries was left.
var errStop = errors.New("stop")

// lineBuffer makes lines of a stream's chunks.
type lineBuffer struct {
	at     time.Time
	stderr bool
	b      []byte
}

func (l *lineBuffer) add(at time.Time, p []byte, yield func(LogEntry, error) bool) error {
	const longest = 1 << 20
	for len(p) > 0 {
		if len(l.b) == 0 {
			l.at = at
		}
		i := bytes.IndexByte(p, '\n')
		if i < 0 {
			l.b = append(l.b, p...)
			p = nil
		} else {
			l.b = append(l.b, p[:i]...)
			p = p[i+1:]
		}
		if i >= 0 || len(l.b) >= longest {
			if err := l.flush(yield); err != nil {
				return err
			}
		}
	}
	return nil
}

func (l *lineBuffer) flush(yield func(LogEntry, error) bool) error {
	e := LogEntry{Time: l.at, Stderr: l.stderr, Line: string(l.b)}
	l.b = l.b[:0]
	if !yield(e, nil) {
		return errStop
	}
	return nil
}

// chunks calls each with what was written, in its order.
func (c *Container) chunks(ctx context.Context, opts LogsOptions, each func(api.Kind, time.Time, []byte) error) error {
	body, err := c.c.Body(ctx, api.ContainerLogs.Of(c.id), opts)
	if err != nil {
		return err
	}
	defer body.Close()
	fr := api.NewFrameReader(body)
	for {
		kind, p, err := fr.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return broken(ctx, c.c, err)
		}
		switch {
		case kind == api.Failure:
			return failure(p)
		case slices.Contains([]api.Kind{api.Stdout, api.Stderr}, kind) && len(p) >= api.LogTime:
			at := time.Unix(0, int64(binary.BigEndian.Uint64(p)))
			if err := each(kind, at, p[api.LogTime:]); err != nil {
				return err
			}
		}
	}
}

func writeTo(w io.Writer, p []byte) error {
	if w == nil {
		return nil
	}
	_, err := w.Write(p)
	return err
}
