package main

import (
	"context"
	"strconv"

	"github.com/spf13/pflag"
)

var waitCommand = command{
	name: "wait", args: "CONTAINER [CONTAINER...]", short: "Wait until containers have ended, and print their exit codes", min: 1, max: -1,
	setup: func(*pflag.FlagSet) action {
		return func(ctx context.Context, c *cli, args []string) error {
			return c.each(args, func(arg string) (string, error) {
				ctr, err := c.container(ctx, arg)
				if err != nil {
					return "", err
				}
				st, err := ctr.Wait(ctx)
				return strconv.Itoa(st.ExitCode), err
			})
		}
	},
}
