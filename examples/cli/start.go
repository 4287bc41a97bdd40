package main

import (
	"context"
	"errors"

	"github.com/spf13/pflag"

	"github.com/caisson-dev/caisson/container"
)

var startCommand = command{
	name: "start", args: "CONTAINER [CONTAINER...]", short: "Start stopped containers", min: 1, max: -1,
	setup: func(flags *pflag.FlagSet) action {
		attach := flags.BoolP("attach", "a", false, "print the container's output, forward signals, and exit with its exit code")
		interactive := flags.BoolP("interactive", "i", false, "connect standard input too")
		how := defineAttachFlags(flags)
		return func(ctx context.Context, c *cli, args []string) error {
			if !*attach && !*interactive {
				return c.eachContainer(ctx, args, func(ctr *container.Container) error {
					if err := ctr.Start(ctx); !errors.Is(err, container.ErrRunning) {
						return err
					}
					return nil // it is what was asked for
				})
			}
			if len(args) > 1 {
				return errors.New("you cannot start and attach multiple containers at once")
			}
			ctr, err := c.container(ctx, args[0])
			if err != nil {
				return err
			}
			info, err := ctr.Inspect(ctx)
			if err != nil {
				return err
			}
			s := streams{
				stdin: *interactive && info.Options.Stdin, tty: info.Options.TTY, proxy: how.proxy && !info.Options.TTY,
				noStdout: !*attach, noStderr: !*attach, keys: how.keys,
			}
			_, err = c.foreground(ctx, ctr, s)
			if errors.Is(err, container.ErrDetached) {
				return nil
			}
			return err // what could not be started is 1 here, unlike with run
		}
	},
}
