package container

import (
	"context"
	"io"
)

// AttachOptions say what to connect to the container's process.
type AttachOptions struct {
	// Stdin is copied to the process, which sees its end. It wants Options.Stdin.
	Stdin io.Reader `json:"-"`
	// Stdout and Stderr get what the process writes from now on. Nil discards.
	Stdout io.Writer `json:"-"`
	Stderr io.Writer `json:"-"`
}

type attachRequest struct {
	Stdin bool `json:"stdin,omitempty"`
}

// Attachment is a connection to a container's streams.
type Attachment struct{ s *session }

// Attach connects to the streams of the container's process. Before Start it misses nothing. Cancelling ctx ends the
// attachment, not the container.
//
// Errors: ErrNotFound, ErrInvalidArgument (Stdin of a container that has none).
func (c *Container) Attach(ctx context.Context, opts AttachOptions) (*Attachment, error) {
	conn, err := c.c.Upgrade(ctx, c.path("attach"), attachRequest{Stdin: opts.Stdin != nil})
	if err != nil {
		return nil, err
	}
	return &Attachment{newSession(ctx, conn, opts.Stdin, opts.Stdout, opts.Stderr)}, nil
}

// Wait waits until the process has ended and all its output is written.
//
// Errors: those of the writers; context.Canceled and context.DeadlineExceeded of Attach's context.
func (a *Attachment) Wait() (Status, error) { return a.s.wait() }

// Close ends the attachment, not the container.
func (a *Attachment) Close() error {
	a.s.end(nil)
	return nil
}
