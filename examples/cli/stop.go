package main

import (
	"context"

	"github.com/spf13/pflag"

	"github.com/caisson-dev/caisson/container"
)

var stopCommand = stopping("stop", "Stop running containers", (*container.Container).Stop)

var restartCommand = stopping("restart", "Stop and start containers", (*container.Container).Restart)

// stopping is a command that stops each container that is named.
func stopping(name, short string, do func(*container.Container, context.Context, container.StopOptions) error) command {
	return command{
		name: name, args: "CONTAINER [CONTAINER...]", short: short, min: 1, max: -1,
		setup: func(flags *pflag.FlagSet) action {
			var o container.StopOptions
			flags.StringVarP(&o.Signal, "signal", "s", "", "signal that is sent first (default: the container's)")
			wait := flags.IntP("time", "t", 0, "seconds to wait before the container is killed; -1: no limit (default: the container's, or 10)")
			return func(ctx context.Context, c *cli, args []string) error {
				if flags.Changed("time") {
					o.Timeout = seconds(*wait)
				}
				return c.eachContainer(ctx, args, func(ctr *container.Container) error { return do(ctr, ctx, o) })
			}
		},
	}
}
