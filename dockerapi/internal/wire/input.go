package wire

import (
	"context"
	"errors"
	"io"
	"time"
)

// Input is what a client sends on a connection that was taken over. It finds out whether the client is gone, and then calls
// Gone; that the client sends no more is not the same.
type Input struct {
	Conn *Conn
	// Keep says that the end of what the client sends is not told: Read then waits for the end of the context.
	Keep bool
	Gone func()

	ctx context.Context
}

// NewInput makes the input of a connection. It is done when ctx ends.
func NewInput(ctx context.Context, c *Conn, keep bool, gone func()) *Input {
	return &Input{Conn: c, Keep: keep, Gone: gone, ctx: ctx}
}

// Read implements io.Reader.
func (in *Input) Read(p []byte) (int, error) {
	n, err := in.Conn.Read(p)
	if err == nil || n > 0 {
		return n, nil
	}
	if !errors.Is(err, io.EOF) {
		in.Gone()
		return 0, io.EOF
	}
	go in.watch()
	if in.Keep {
		<-in.ctx.Done()
	}
	return 0, io.EOF
}

// Discard reads what nobody wants, to find out when the client is gone.
func (in *Input) Discard() { _, _ = io.Copy(io.Discard, in) }

// lookEvery is how often a connection on which the client sends no more is looked at.
const lookEvery = 300 * time.Millisecond

// watch waits until the client has closed its other end too. A unix socket tells that; for others the next write does.
func (in *Input) watch() {
	t := time.NewTicker(lookEvery)
	defer t.Stop()
	for {
		if closed(in.Conn.Conn) {
			in.Gone()
			return
		}
		select {
		case <-t.C:
		case <-in.ctx.Done():
			return
		}
	}
}

// Sink is a writer that takes everything: what can't be written since the client is gone is discarded, so that the process
// that writes goes on.
type Sink struct {
	W      io.Writer
	Broken func() // is called once, when the client is found to be gone; nil: no one is told
	failed bool
}

// Write implements io.Writer. It is called by one goroutine at a time.
func (s *Sink) Write(p []byte) (int, error) {
	if s.failed {
		return len(p), nil
	}
	if _, err := s.W.Write(p); err != nil {
		s.failed = true
		if s.Broken != nil {
			s.Broken()
		}
	}
	return len(p), nil
}
