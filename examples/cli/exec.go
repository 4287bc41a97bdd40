package main

import (
	"context"
	"errors"

	"github.com/spf13/pflag"

	"github.com/caisson-dev/caisson/container"
)

var execCommand = command{
	name: "exec", args: "CONTAINER COMMAND [ARG...]", short: "Run a command in a running container", min: 2, max: -1,
	setup: func(flags *pflag.FlagSet) action {
		interactive := flags.BoolP("interactive", "i", false, "connect standard input")
		tty := flags.BoolP("tty", "t", false, "give the command a terminal")
		return func(ctx context.Context, c *cli, args []string) error {
			if err := c.checkTTY(*interactive, *tty); err != nil {
				return err
			}
			ctr, err := c.container(ctx, args[0])
			if err != nil {
				return err
			}
			cmd := ctr.Command(args[1], args[2:]...)
			cmd.Stdout, cmd.Stderr = c.out, c.err
			if *interactive {
				cmd.Stdin = c.in
			}
			cmd.TTY, cmd.Size = *tty, c.size()
			err = c.exec(ctx, cmd)
			var ee *container.ExitError
			if errors.As(err, &ee) {
				return ended(ee.Code)
			}
			return runError(err, 1)
		}
	},
}

// exec runs the command; with a terminal, this one is raw meanwhile and gives its size.
func (c *cli) exec(ctx context.Context, cmd *container.Cmd) error {
	restore, err := c.raw(cmd.Stdin != nil, cmd.TTY)
	if err != nil {
		return err
	}
	defer restore()
	if err := cmd.Start(ctx); err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	if cmd.TTY {
		c.followSize(ctx, cmd.Resize)
	}
	return cmd.Wait()
}
