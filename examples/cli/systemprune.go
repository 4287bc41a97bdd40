package main

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"github.com/caisson-dev/caisson/container"
	"github.com/caisson-dev/caisson/examples/cli/internal/format"
	"github.com/caisson-dev/caisson/image"
)

var systemPruneCommand = command{
	name: "system prune", short: "Remove stopped containers, and images and networks that nothing uses",
	setup: func(flags *pflag.FlagSet) action {
		all := flags.BoolP("all", "a", false, "also images that have a name")
		volumes := flags.Bool("volumes", false, "also anonymous volumes that no container mounts")
		force := flags.BoolP("force", "f", false, "don't ask")
		where := format.FilterFlag(flags, "label", "label!", "until")
		return func(ctx context.Context, c *cli, _ []string) error {
			p := container.PruneOptions{Labels: format.LabelsOf(where.Values("label")), NotLabels: format.LabelsOf(where.Values("label!"))}
			var err error
			if err = where.Check(); err == nil {
				p.Until, err = where.Until(time.Now())
			}
			if err != nil {
				return err
			}
			if *volumes && !p.Until.IsZero() {
				return errors.New("--volumes: volumes have no time of their last use that --filter until could look at: leave one of the two out")
			}
			if !*force && !c.confirm(pruneWarning(*all, *volumes)) {
				return nil
			}
			return c.systemPrune(ctx, where, p, *all, *volumes)
		}
	},
}

func pruneWarning(all, volumes bool) string {
	lines := []string{"This will remove:", "  - all stopped containers", "  - all networks not used by at least one container"}
	if volumes {
		lines = append(lines, "  - all anonymous volumes not used by at least one container")
	}
	if all {
		lines = append(lines, "  - all images without at least one container associated to them", "  - all build cache")
	} else {
		lines = append(lines, "  - all dangling images", "  - all dangling build cache")
	}
	return strings.Join(lines, "\n") + "\n"
}

// systemPrune removes in the order in which one makes the next unused.
func (c *cli) systemPrune(ctx context.Context, where *format.Filters, p container.PruneOptions, all, volumes bool) error {
	engine, err := c.engine()
	if err != nil {
		return err
	}
	containers, err := engine.Prune(ctx, p)
	if err != nil {
		return err
	}
	c.pruned("Containers", containers.Deleted)
	space := containers.Space
	if err := c.pruneNetworks(ctx, engine, where, p.Until); err != nil {
		return err
	}
	if volumes {
		res, err := engine.PruneVolumes(ctx, container.PruneVolumesOptions{Labels: p.Labels})
		if err != nil {
			return err
		}
		c.pruned("Volumes", res.Deleted)
		space += res.Space
	}
	images, err := c.opened.Prune(ctx, image.PruneOptions{
		All: all, Filter: image.Filter{Until: p.Until, Labels: p.Labels, NotLabels: p.NotLabels},
	})
	if err != nil {
		return err
	}
	if len(images.Deleted) > 0 {
		c.pruned("Images", strings.Split(removed(nil, images.Deleted), "\n"))
	}
	c.reclaimed(space + images.Space)
	return nil
}
