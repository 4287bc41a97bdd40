package container

import (
	"context"
	"io"

	"github.com/caisson-dev/caisson/internal/api"
)

// AttachOptions say what to connect to the container's process.
type AttachOptions struct {
	// Stdin is copied to the process, which sees its end (but not through a terminal). It wants Options.Stdin.
	Stdin io.Reader
	// Stdout and Stderr get what the process writes from now on; with a terminal all comes to Stdout. Nil discards.
	Stdout io.Writer
	Stderr io.Writer
	// Logs begins with what the process has written since it was started.
	Logs bool
	// Size of the terminal. Default: it stays as it is.
	Size Size
	// DetachKeys, typed in a row into Stdin, end the attachment with ErrDetached: letters and ctrl-<letter>, separated
	// by commas. Default: none; DefaultDetachKeys are Docker's.
	DetachKeys string
}

// Attachment is a connection to a container's streams.
type Attachment struct{ s *session }

// Attach connects to the streams of the container's process. Before Start it misses nothing. Cancelling ctx ends the
// attachment, not the container. Several may be attached at once.
//
// Errors: ErrNotFound, ErrInvalidArgument (Stdin of a container that has none, DetachKeys).
func (c *Container) Attach(ctx context.Context, opts AttachOptions) (*Attachment, error) {
	keys, err := parseDetachKeys(opts.DetachKeys)
	if err != nil {
		return nil, err
	}
	conn, err := c.c.Upgrade(ctx, api.ContainerAttach.Of(c.id), api.AttachRequest{Stdin: opts.Stdin != nil, Logs: opts.Logs, Size: api.Size(opts.Size)})
	if err != nil {
		return nil, err
	}
	return &Attachment{newSession(ctx, c.c, conn, keys, opts.Stdin, opts.Stdout, opts.Stderr)}, nil
}

// Wait waits until the process has ended and all its output is written.
//
// Errors: ErrDetached; those of the writers; context.Canceled and context.DeadlineExceeded of Attach's context.
func (a *Attachment) Wait() (State, error) { return a.s.wait() }

// Resize sets the size of the container's terminal.
func (a *Attachment) Resize(size Size) error { return a.s.resize(size) }

// Close ends the attachment, not the container.
func (a *Attachment) Close() error {
	a.s.end(nil)
	return nil
}
