package api

import (
	"context"
	"errors"
)

// Ended is why an operation ended when its context did: the cause that the caller gave (context.Cause), which matches
// context.Canceled or context.DeadlineExceeded in any case. It is nil while ctx goes on.
func Ended(ctx context.Context) error {
	err, cause := ctx.Err(), context.Cause(ctx)
	if errors.Is(cause, err) {
		return cause
	}
	return &ended{cause: cause, err: err}
}

type ended struct{ cause, err error }

func (e *ended) Error() string   { return e.cause.Error() }
func (e *ended) Unwrap() []error { return []error{e.cause, e.err} }
