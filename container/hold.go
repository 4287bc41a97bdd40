package container

import (
	"context"
	"sync"

	"github.com/caisson-dev/caisson/internal/api"
)

// Hold keeps a container with Options.Lifecycle.IdleTimeout from being removed, until release is called or this process
// ends, however it ends. Any number of processes may hold it at the same time. It has no effect on other containers.
//
// Errors: ErrNotFound when the container is not there, or is just being removed.
func (c *Container) Hold(ctx context.Context) (release func(), err error) {
	hold, cancel := context.WithCancelCause(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() { cancel(api.Ended(ctx)) })
	body, err := c.c.Body(hold, api.ContainerHold.Of(c.id), nil)
	if !stop() && err == nil {
		body.Close()
		err = api.Ended(ctx)
	}
	if err != nil {
		cancel(nil)
		return nil, err
	}
	return sync.OnceFunc(func() {
		cancel(nil)
		body.Close()
	}), nil
}
