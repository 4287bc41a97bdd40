package main

import (
	"bufio"
	"context"
	"fmt"
	"strings"

	"github.com/spf13/pflag"

	"github.com/caisson-dev/caisson/examples/cli/internal/format"
	"github.com/caisson-dev/caisson/image"
)

var imagePruneCommand = command{
	name: "image prune", short: "Remove images that nothing uses",
	setup: func(flags *pflag.FlagSet) action {
		var o image.PruneOptions
		flags.BoolVarP(&o.All, "all", "a", false, "also those that have a name")
		force := flags.BoolP("force", "f", false, "don't ask")
		where := format.FilterFlag(flags, "dangling", "label", "label!", "until")
		return func(ctx context.Context, c *cli, _ []string) error {
			if err := imageFilter(&o.Filter, where); err != nil {
				return err
			}
			if dangling, given := where.Bool("dangling"); given {
				o.All = o.All || !dangling
			}
			warning := "This will remove all dangling images."
			if o.All {
				warning = "This will remove all images without at least one container associated to them."
			}
			if !*force && !c.agreed(warning) {
				return nil
			}
			store, err := c.store()
			if err != nil {
				return err
			}
			res, err := store.Prune(ctx, o)
			if err != nil {
				return err
			}
			if len(res.Deleted) > 0 {
				fmt.Fprintf(c.out, "Deleted Images:\n%s\n\n", removed(nil, res.Deleted))
			}
			fmt.Fprintf(c.out, "Total reclaimed space: %s\n", format.Size(res.Space))
			return nil
		}
	},
}

// agreed is confirm for what tells in the end how much was freed, which it does of nothing, too.
func (c *cli) agreed(warning string) bool {
	if c.confirm(warning) {
		return true
	}
	c.reclaimed(0)
	return false
}

// confirm asks on standard input; only y is yes.
func (c *cli) confirm(warning string) bool {
	fmt.Fprintf(c.out, "WARNING! %s\nAre you sure you want to continue? [y/N] ", warning)
	answer, _ := bufio.NewReader(c.in).ReadString('\n') // an end of the input is no
	return strings.EqualFold(strings.TrimSpace(answer), "y")
}
