package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"github.com/caisson-dev/caisson/container"
)

var containerPruneCommand = command{
	name: "container prune", short: "Remove all stopped containers",
	setup: func(flags *pflag.FlagSet) action {
		force := flags.BoolP("force", "f", false, "don't ask")
		where := filterFlag(flags, "label", "label!", "until")
		return func(ctx context.Context, c *cli, _ []string) error {
			if !*force && !c.confirm("This will remove all stopped containers.") {
				return nil
			}
			o := container.PruneOptions{Labels: labelsOf(where.values["label"]), NotLabels: labelsOf(where.values["label!"])}
			var err error
			if o.Until, err = moment(strings.Join(where.values["until"], ""), time.Now()); err != nil {
				return usage("container prune", fmt.Errorf("--filter until: %w", err))
			}
			engine, err := c.engine()
			if err != nil {
				return err
			}
			res, err := engine.Prune(ctx, o)
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
