package container

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"sync"

	"github.com/caisson-dev/caisson/internal/api"
	"github.com/caisson-dev/caisson/internal/client"
)

// session is the owner's end of an attach or exec stream.
type session struct {
	ctx  context.Context // the call's, to say why the stream broke
	c    *client.Client
	conn io.ReadWriteCloser
	out  *api.FrameWriter
	stop func() bool // ends the watch on the context

	stdout, stderr io.Writer

	begun  chan struct{} // closed when pid is known, or the stream has gone on or ended without
	pid    int
	known  sync.Once
	done   chan struct{}
	status State
	err    error
	once   sync.Once
}

// newSession copies both ways until the stream's last frame. stdin is read in a goroutine of its own, which may
// outlive the session by one Read: a Reader can't be interrupted.
func newSession(ctx context.Context, c *client.Client, conn io.ReadWriteCloser, keys []byte, stdin io.Reader, stdout, stderr io.Writer) *session {
	s := &session{ctx: ctx, c: c, conn: conn, out: api.NewFrameWriter(conn), stdout: stdout, stderr: stderr, begun: make(chan struct{}), done: make(chan struct{})}
	s.stop = context.AfterFunc(ctx, func() {
		s.finish(api.Ended(ctx))
	})
	go s.read()
	if stdin != nil {
		go s.feed(stdin, keys)
	}
	return s
}

func (s *session) finish(err error) {
	s.once.Do(func() {
		s.err = err
		s.conn.Close()
		s.begin(0)
		close(s.done)
	})
}

func (s *session) begin(pid int) {
	s.known.Do(func() {
		s.pid = pid
		close(s.begun)
	})
}

func (s *session) feed(stdin io.Reader, keys []byte) {
	if len(keys) > 0 {
		stdin = &detachReader{r: stdin, keys: keys}
	}
	_, err := io.Copy(s.out.Stream(api.Stdin), stdin)
	if errors.Is(err, ErrDetached) {
		s.end(ErrDetached)
		return
	}
	// If this fails the process has ended and closed the stream: the reading side tells that.
	_ = s.out.Frame(api.CloseInput, nil)
}

// resize tells the agent the size of the terminal.
func (s *session) resize(size Size) error {
	select {
	case <-s.done:
		return nil // there is no terminal any more
	default:
	}
	return s.out.JSON(api.Resize, size)
}

func (s *session) read() {
	fr := api.NewFrameReader(s.conn)
	for {
		kind, p, err := fr.Next()
		if err != nil {
			s.end(broken(s.ctx, s.c, err))
			return
		}
		var pid int
		if kind == api.Started {
			var st api.ExecStarted
			if err := json.Unmarshal(p, &st); err != nil {
				s.end(err)
				return
			}
			pid = st.PID
		}
		s.begin(pid)
		switch kind {
		case api.Stdout:
			err = writeTo(s.stdout, p)
		case api.Stderr:
			err = writeTo(s.stderr, p)
		case api.Exit:
			s.end(json.Unmarshal(p, &s.status))
			return
		case api.Failure:
			s.end(failure(p))
			return
		}
		if err != nil {
			s.end(err)
			return
		}
	}
}

func (s *session) end(err error) {
	s.stop()
	s.finish(err)
}

func (s *session) wait() (State, error) {
	<-s.done
	return s.status, s.err
}

func failure(p []byte) error {
	e := &api.Error{}
	if err := json.Unmarshal(p, e); err != nil {
		return fmt.Errorf("agent's error does not parse: %w", err)
	}
	return e
}
