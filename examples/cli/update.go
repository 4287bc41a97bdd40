package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/pflag"

	"github.com/caisson-dev/caisson/container"
)

var updateCommand = command{
	name: "update", args: "CONTAINER [CONTAINER...]", short: "Change limits and the restart policy of containers", min: 1, max: -1,
	setup: func(flags *pflag.FlagSet) action {
		var o container.UpdateOptions
		var time cpuTime
		limitFlags(flags, &o.Resources)
		time.define(flags)
		restart := flags.String("restart", "", restartUsage)
		return func(ctx context.Context, c *cli, args []string) error {
			if flags.NFlag() == 0 {
				return errors.New("you must provide one or more flags when using this command")
			}
			if err := time.apply(flags, &o.Resources); err != nil {
				return err
			}
			if *restart != "" {
				if err := (*restartPolicy)(&o.Restart).Set(*restart); err != nil {
					return fmt.Errorf("--restart %q: %w", *restart, err)
				}
			}
			return c.eachContainer(ctx, args, func(ctr *container.Container) error { return ctr.Update(ctx, o) })
		}
	},
}
