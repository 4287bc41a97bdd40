package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/docker/go-units"
	"github.com/spf13/pflag"

	"github.com/caisson-dev/caisson/examples/cli/internal/format"
	"github.com/caisson-dev/caisson/image"
)

var builderPruneCommand = command{
	name: "builder prune", short: "Remove the build cache",
	setup: func(flags *pflag.FlagSet) action {
		var o image.PruneCacheOptions
		flags.BoolVarP(&o.All, "all", "a", false, "also what images are made of")
		force := flags.BoolP("force", "f", false, "don't ask")
		keep := flags.String("keep-storage", "", "how much of the cache stays, such as 512m or 10g")
		where := format.FilterFlag(flags, "until")
		return func(ctx context.Context, c *cli, _ []string) (err error) {
			if err = where.Check(); err == nil {
				o.Until, err = where.Until(time.Now())
			}
			if err != nil {
				return err
			}
			if *keep != "" {
				if o.KeepStorage, err = units.RAMInBytes(*keep); err != nil {
					return usage("builder prune", fmt.Errorf("--keep-storage %q: write it as a number of bytes, or with b, k, m or g", *keep))
				}
			}
			warning := "This will remove all dangling build cache."
			if o.All {
				warning = "This will remove all build cache."
			}
			if !*force && !c.agreed(warning) {
				return nil
			}
			store, err := c.store()
			if err != nil {
				return err
			}
			res, err := store.PruneCache(ctx, o)
			if err != nil {
				return err
			}
			if len(res.Deleted) > 0 {
				fmt.Fprintf(c.out, "Deleted build cache objects:\n%s\n\n", strings.ReplaceAll(strings.Join(res.Deleted, "\n"), "sha256:", ""))
			}
			c.reclaimed(res.Space)
			return nil
		}
	},
}
