package main

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"github.com/caisson-dev/caisson/container"
)

var killCommand = command{
	name: "kill", args: "CONTAINER [CONTAINER...]", short: "Send a signal to running containers", min: 1, max: -1,
	setup: func(flags *pflag.FlagSet) action {
		signal := flags.StringP("signal", "s", "", "signal by name or number (default SIGKILL)")
		return func(ctx context.Context, c *cli, args []string) error {
			return c.eachContainer(ctx, args, func(ctr *container.Container) error {
				if err := ctr.Kill(ctx, *signal); err != nil || !kills(*signal) {
					return err
				}
				return gone(ctx, ctr)
			})
		}
	},
}

func kills(signal string) bool {
	switch strings.TrimPrefix(strings.ToUpper(signal), "SIG") {
	case "", "KILL", "9":
		return true
	}
	return false
}

// gone waits, as Docker does, until a container that was killed has ended, for some seconds: a process that the kernel
// does not let go is not waited for.
func gone(ctx context.Context, ctr *container.Container) error {
	const most = 10 * time.Second // Docker's
	wait, cancel := context.WithTimeout(ctx, most)
	defer cancel()
	_, err := ctr.Wait(wait)
	if errors.Is(err, container.ErrNotFound) || wait.Err() != nil && ctx.Err() == nil { // it was removed by its end, or stays
		return nil
	}
	return err
}
