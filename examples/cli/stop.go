package main

import (
	"context"
	"time"

	"github.com/spf13/pflag"

	"github.com/caisson-dev/caisson/container"
)

var stopCommand = command{
	name: "stop", args: "CONTAINER [CONTAINER...]", short: "Stop running containers", min: 1, max: -1,
	setup: func(flags *pflag.FlagSet) action {
		seconds := flags.IntP("time", "t", 0, "seconds to wait before it is killed; -1: without end (default the container's, else 10)")
		return func(ctx context.Context, c *cli, args []string) error {
			o := container.StopOptions{Timeout: time.Duration(*seconds) * time.Second}
			if flags.Changed("time") && *seconds == 0 {
				o.Timeout = time.Nanosecond // 0 is the library's default, and Docker's "at once"
			}
			return c.eachContainer(ctx, args, func(ctr *container.Container) error { return ctr.Stop(ctx, o) })
		}
	},
}
