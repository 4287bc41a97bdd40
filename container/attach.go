package container

import (
	"context"
	"io"

	"github.com/caisson-dev/caisson/internal/api"
)

// AttachOptions say what to connect to the process of the container.
type AttachOptions struct {
	// Stdin is copied to the process. At its end the input of the process ends too, unless that is a terminal. The
	// container must have Options.Stdin. Default: nothing is sent.
	Stdin io.Reader
	// Stdout and Stderr get what the process writes from now on. With a terminal everything comes to Stdout. Default: it
	// is discarded.
	Stdout io.Writer
	Stderr io.Writer
	// Logs begins with what the process has written since its start.
	Logs bool
	// Size is the size that the terminal gets. Default: it stays as it is.
	Size Size
	// DetachKeys end the attachment with ErrDetached when they are typed in a row into Stdin. They are letters and
	// ctrl-<letter>, separated by commas. Default: none. DefaultDetachKeys are Docker's.
	DetachKeys string
}

// Attachment is a connection to a container's streams.
type Attachment struct{ s *session }

// Attach connects to the streams of the container's process. An Attach before Start misses no output. Several
// attachments may be open at the same time. When ctx ends, the attachment ends, and the container goes on.
//
// Errors: ErrNotFound when the container is not there; ErrInvalidArgument when Stdin is given for a container without
// Options.Stdin, or DetachKeys are not valid.
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

// Wait waits until the process has ended and all its output is written, and returns how it ended.
//
// Errors: ErrDetached when the detach keys were typed; ErrNotFound when the container is removed before it starts;
// context.Canceled and context.DeadlineExceeded when the context of Attach ends; those of the reader and the writers.
func (a *Attachment) Wait() (State, error) { return a.s.wait() }

// Resize sets the size of the terminal of the container. After the end of the process it does nothing.
//
// Errors: those of the connection to the agent, which Wait returns too.
func (a *Attachment) Resize(size Size) error { return a.s.resize(size) }

// Close ends the attachment. The container goes on.
//
// Errors: those of closing a connection.
func (a *Attachment) Close() error {
	a.s.end(nil)
	return nil
}
