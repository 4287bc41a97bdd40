package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/pflag"

	"github.com/caisson-dev/caisson/container"
)

// verb is a command that does one thing to each container that is named.
func verb(name, short string, do func(ctx context.Context, ctr *container.Container) error) command {
	return command{
		name: name, args: "CONTAINER [CONTAINER...]", short: short, min: 1, max: -1,
		setup: func(*pflag.FlagSet) action {
			return func(ctx context.Context, c *cli, args []string) error {
				return c.eachContainer(ctx, args, func(ctr *container.Container) error { return do(ctx, ctr) })
			}
		},
	}
}

var pauseCommand = verb("pause", "Freeze containers", func(ctx context.Context, ctr *container.Container) error {
	return ctr.Pause(ctx)
})

var unpauseCommand = verb("unpause", "Thaw containers", func(ctx context.Context, ctr *container.Container) error {
	return ctr.Resume(ctx)
})

var renameCommand = command{
	name: "rename", args: "CONTAINER NAME", short: "Give a container another name", min: 2, max: 2,
	setup: func(*pflag.FlagSet) action {
		return func(ctx context.Context, c *cli, args []string) error {
			ctr, err := c.container(ctx, args[0])
			if err != nil {
				return err
			}
			name := strings.TrimPrefix(args[1], "/")
			if info, err := ctr.Inspect(ctx); err != nil {
				return err
			} else if info.Name == name {
				return fmt.Errorf("rename %s %s: that is its name already", args[0], args[1])
			}
			if err := ctr.Rename(ctx, name); err != nil {
				return fmt.Errorf("rename %s: %w", args[0], err)
			}
			return nil
		}
	},
}
