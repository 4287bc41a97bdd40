package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/pflag"

	"github.com/caisson-dev/caisson/container"
)

var attachCommand = command{
	name: "attach", args: "CONTAINER", short: "Connect to a running container's streams", min: 1, max: 1,
	setup: func(flags *pflag.FlagSet) action {
		how := defineAttachFlags(flags)
		noStdin := flags.Bool("no-stdin", false, "don't connect standard input")
		return func(ctx context.Context, c *cli, args []string) error {
			ctr, err := c.container(ctx, args[0])
			if err != nil {
				return err
			}
			info, err := ctr.Inspect(ctx)
			if err != nil {
				return err
			}
			if info.State.Status != container.StatusRunning {
				return fmt.Errorf("container %s is %s: start it first", args[0], info.State.Status)
			}
			s := streams{
				stdin: info.Options.Stdin && !*noStdin, tty: info.Options.TTY, proxy: how.proxy && !info.Options.TTY,
				redraw: true, keys: how.keys,
			}
			if err := c.checkTTY(s.stdin, s.tty); err != nil {
				return err
			}
			restore, err := c.raw(s.stdin, s.tty)
			if err != nil {
				return err
			}
			defer restore()
			attached, err := c.attach(ctx, ctr, s)
			if err != nil {
				return err
			}
			defer attached.Close()
			err = c.stay(ctx, ctr, attached, s)
			if errors.Is(err, container.ErrDetached) {
				return errors.New("read escape sequence") // docker attach's words, and its code 1
			}
			return err
		}
	},
}
