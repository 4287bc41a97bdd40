package dockertest

import (
	"context"
	"errors"
	"time"

	"github.com/caisson-dev/caisson/container"
)

// Stop ends the container's process by its stop signal and, after StopTimeout or 10 s, by SIGKILL. Its files stay for
// the next Start.
func (c *Container) Stop() {
	c.helper()
	ctx, cancel := c.context()
	defer cancel()
	c.check("stop", c.Container.Stop(ctx, container.StopOptions{}))
}

// Start starts a container that was stopped or has ended, and waits until it is ready again. Published ports are
// others then: ask Addr again.
func (c *Container) Start() {
	c.helper()
	ctx, cancel := c.context()
	defer cancel()
	c.times = times{begin: time.Now()}
	c.started = time.Now()
	c.check("start", c.Container.Start(ctx))
	c.times.mark("start")
	c.check("start", c.await(context.WithoutCancel(ctx)))
}

// Restart is Stop and Start.
func (c *Container) Restart() {
	c.helper()
	c.Stop()
	c.Start()
}

// Kill sends a signal, as SIGHUP, to the container's process; without one, SIGKILL, and then it waits for the end.
func (c *Container) Kill(signal string) {
	c.helper()
	ctx, cancel := c.context()
	defer cancel()
	c.check("kill", c.Container.Kill(ctx, signal))
	if signal == "" {
		_, err := c.Container.Wait(ctx)
		c.check("kill", err)
	}
}

// Pause freezes the container's processes until Resume: a server that hangs.
func (c *Container) Pause() {
	c.helper()
	ctx, cancel := c.context()
	defer cancel()
	c.check("pause", c.Container.Pause(ctx))
}

// Resume lets them go on.
func (c *Container) Resume() {
	c.helper()
	ctx, cancel := c.context()
	defer cancel()
	c.check("resume", c.Container.Resume(ctx))
}

// WaitFor waits for something more than what made the container ready.
func (c *Container) WaitFor(w Wait) {
	c.helper()
	ctx := context.Background()
	if c.tb != nil {
		ctx = c.tb.Context()
	}
	c.check("wait", errors.Join(w.errs()...))
	c.check("wait", c.waitFor(ctx, w))
}

// Close removes the container, with its data, or gives it back when it has Reuse. A test that used Run need not call it,
// and may, to be rid of it before its end. A second Close does nothing.
//
// Errors: those of container.Container.Remove, without ErrNotFound.
func (c *Container) Close() error {
	c.mu.Lock()
	closed := c.closed
	c.closed = true
	c.mu.Unlock()
	if closed {
		return nil
	}
	ctx, cancel := c.context()
	defer cancel()
	if c.release != nil {
		defer c.release()
		if !c.unready {
			c.closeForwards()
			c.stopFollowing()
			return c.settings.end()
		}
	}
	var errs []error
	if c.settings.graceful {
		errs = append(errs, c.Container.Stop(ctx, container.StopOptions{}))
	}
	errs = append(errs, c.Remove(ctx, container.RemoveOptions{Force: true}))
	errs = append(errs, c.settings.end())
	c.closeForwards()
	c.followers.Wait()
	c.stopFollowing()
	for i, err := range errs {
		if errors.Is(err, container.ErrNotFound) {
			errs[i] = nil
		}
	}
	return errors.Join(errs...)
}
