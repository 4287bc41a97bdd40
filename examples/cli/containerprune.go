package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/pflag"

	"github.com/caisson-dev/caisson/container"
)

var containerPruneCommand = command{
	name: "container prune", short: "Remove all stopped containers",
	setup: func(flags *pflag.FlagSet) action {
		force := flags.BoolP("force", "f", false, "don't ask")
		return func(ctx context.Context, c *cli, _ []string) error {
			if !*force && !c.confirm("This will remove all stopped containers.") {
				return nil
			}
			engine, err := c.engine()
			if err != nil {
				return err
			}
			res, err := engine.Prune(ctx, container.PruneOptions{})
			if err != nil {
				return err
			}
			if len(res.Deleted) > 0 {
				fmt.Fprintf(c.out, "Deleted Containers:\n%s\n\n", strings.Join(res.Deleted, "\n"))
			}
			fmt.Fprintf(c.out, "Total reclaimed space: %s\n", size(res.Space))
			return nil
		}
	},
}
