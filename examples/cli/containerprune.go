package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"github.com/caisson-dev/caisson/container"
	"github.com/caisson-dev/caisson/examples/cli/internal/format"
)

var containerPruneCommand = command{
	name: "container prune", short: "Remove all stopped containers",
	setup: func(flags *pflag.FlagSet) action {
		force := flags.BoolP("force", "f", false, "don't ask")
		where := format.FilterFlag(flags, "label", "label!", "until")
		return func(ctx context.Context, c *cli, _ []string) error {
			if !*force && !c.agreed("This will remove all stopped containers.") {
				return nil
			}
			if err := where.Check(); err != nil {
				return err
			}
			o := container.PruneOptions{Labels: format.LabelsOf(where.Values("label")), NotLabels: format.LabelsOf(where.Values("label!"))}
			var err error
			if o.Until, err = where.Until(time.Now()); err != nil {
				return err
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
			fmt.Fprintf(c.out, "Total reclaimed space: %s\n", format.Size(res.Space))
			return nil
		}
	},
}
