package container

import (
	"context"
	"errors"
	"io"
	"net/http"

	"github.com/caisson-dev/caisson/internal/api"
)

// LogsOptions tune Logs.
type LogsOptions struct {
	// Stdout and Stderr get what the process wrote there. Nil discards; one writer for both keeps the order.
	Stdout io.Writer `json:"-"`
	Stderr io.Writer `json:"-"`
	// Follow goes on until the process has ended.
	Follow bool `json:"follow,omitempty"`
}

// Logs writes what the container's process has written since its first start.
//
// Errors: ErrNotFound, and those of the writers.
func (c *Container) Logs(ctx context.Context, opts LogsOptions) error {
	body, err := c.c.Body(ctx, http.MethodPost, c.path("logs"), opts)
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
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			return err
		}
		switch kind {
		case api.Stdout:
			err = writeTo(opts.Stdout, p)
		case api.Stderr:
			err = writeTo(opts.Stderr, p)
		case api.Failure:
			err = failure(p)
		}
		if err != nil {
			return err
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
