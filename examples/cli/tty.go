package main

import (
	"context"
	"errors"
	"os"

	"golang.org/x/term"

	"github.com/caisson-dev/caisson/container"
)

// checkTTY is Docker's: what wants a terminal's input must have one here.
func (c *cli) checkTTY(stdin, tty bool) error {
	if stdin && tty && !terminal(c.in) {
		return errors.New("the input device is not a TTY")
	}
	return nil
}

// raw gives what is typed to the container as it is, until restore. Without a terminal there is nothing to do.
func (c *cli) raw(stdin, tty bool) (restore func(), err error) {
	f, ok := c.in.(*os.File)
	if !stdin || !tty || !ok || !terminal(f) {
		return func() {}, nil
	}
	old, err := term.MakeRaw(int(f.Fd()))
	if err != nil {
		return nil, err
	}
	return func() { _ = term.Restore(int(f.Fd()), old) }, nil // an error means that the terminal is gone
}

// size is that of the terminal that the output goes to, or zero.
func (c *cli) size() container.Size {
	f, ok := c.out.(*os.File)
	if !ok {
		return container.Size{}
	}
	w, h, err := term.GetSize(int(f.Fd()))
	if err != nil {
		return container.Size{}
	}
	return container.Size{Width: uint16(w), Height: uint16(h)}
}

// followSize brings every change of the terminal's size to the container's, until ctx ends.
func (c *cli) followSize(ctx context.Context, resize func(container.Size) error) {
	if !terminal(c.out) {
		return
	}
	changed := make(chan os.Signal, 1)
	stop := notifyResize(changed)
	go func() {
		defer stop()
		for {
			select {
			case <-changed:
				_ = resize(c.size()) // an error means that the container has ended
			case <-ctx.Done():
				return
			}
		}
	}()
}
