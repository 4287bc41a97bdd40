//go:build linux

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"github.com/caisson-dev/caisson/container"
	"github.com/caisson-dev/caisson/image"
)

// contender does what is measured. What it can't do gives errNot. The functions that two methods return are called often, and
// once at the end, also after an error.
type contender interface {
	name() string
	life(ctx context.Context) error
	exec(ctx context.Context) (call, end func() error, err error)
	list(ctx context.Context, containers int) (call, end func() error, err error)
	images(ctx context.Context, names int) (call, end func() error, err error)
}

const imageName = "caisson-bench:1"

// caisson is this module's library. As the others, its containers have a private loopback alone.
type caisson struct {
	store  *image.Store
	engine *container.Engine
}

func newCaisson(ctx context.Context, root string, rootfs []byte) (*caisson, error) {
	store, err := image.OpenStoreContext(ctx, image.StoreOptions{Root: root})
	if err != nil {
		return nil, err
	}
	c := &caisson{store: store}
	_, err = store.Import(ctx, bytes.NewReader(rootfs), image.ImportOptions{Tags: []string{imageName}})
	if err == nil {
		c.engine, err = container.NewEngine(store, container.EngineOptions{})
	}
	if err != nil {
		return nil, errors.Join(err, store.Destroy(ctx))
	}
	return c, nil
}

func (c *caisson) name() string { return "caisson" }

func (c *caisson) options(cmd ...string) container.Options {
	return container.Options{Image: imageName, Cmd: cmd, Network: container.NetworkNone}
}

func (c *caisson) life(ctx context.Context) error {
	x, err := c.engine.Start(ctx, c.options("/bin/true"))
	if err != nil {
		return err
	}
	st, err := x.Wait(ctx)
	if err == nil && st.ExitCode != 0 {
		err = fmt.Errorf("exit code %d", st.ExitCode)
	}
	return errors.Join(err, x.Remove(ctx, container.RemoveOptions{Force: true}))
}

func (c *caisson) exec(ctx context.Context) (call, end func() error, err error) {
	x, err := c.engine.Start(ctx, c.options("/bin/sleep", "100000"))
	if err != nil {
		return nil, nil, err
	}
	call = func() error { return x.Command("/bin/true").Run(ctx) }
	return call, func() error { return x.Remove(context.WithoutCancel(ctx), container.RemoveOptions{Force: true}) }, nil
}

func (c *caisson) list(ctx context.Context, containers int) (call, end func() error, err error) {
	var made []*container.Container
	end = func() (err error) {
		for _, x := range made {
			err = errors.Join(err, x.Remove(context.WithoutCancel(ctx), container.RemoveOptions{Force: true}))
		}
		return err
	}
	for range containers {
		x, err := c.engine.Create(ctx, c.options("/bin/true"))
		if err != nil {
			return nil, end, err
		}
		made = append(made, x)
	}
	return func() error {
		all, err := c.engine.List(ctx, container.ListOptions{All: true})
		return enough(len(all), containers, err)
	}, end, nil
}

func (c *caisson) images(ctx context.Context, names int) (call, end func() error, err error) {
	end = func() (err error) {
		for i := range names {
			if uerr := c.store.Untag(context.WithoutCancel(ctx), tag(i)); !errors.Is(uerr, image.ErrNotFound) {
				err = errors.Join(err, uerr)
			}
		}
		return err
	}
	for i := range names {
		if err := c.store.Tag(ctx, imageName, tag(i)); err != nil {
			return nil, end, err
		}
	}
	return func() error {
		all, err := c.store.List(ctx, image.ListOptions{})
		found := 0
		for _, img := range all {
			found += len(img.Names)
		}
		return enough(found, names, err)
	}, end, nil
}

func tag(i int) string { return fmt.Sprintf("caisson-bench-name:%d", i) }

func enough(found, want int, err error) error {
	if err == nil && found < want {
		err = fmt.Errorf("%d of %d are listed", found, want)
	}
	return err
}
