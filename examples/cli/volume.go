package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/pflag"

	"github.com/caisson-dev/caisson/container"
)

var volumeCreateCommand = command{
	name: "volume create", args: "[VOLUME]", short: "Make a volume", min: 0, max: 1,
	setup: func(flags *pflag.FlagSet) action {
		list := flags.StringArray("label", nil, "label NAME=VALUE (may be repeated)")
		return func(ctx context.Context, c *cli, args []string) error {
			labels, err := pairs("label", *list)
			if err != nil {
				return usage("volume create", err)
			}
			engine, err := c.engine()
			if err != nil {
				return err
			}
			v, err := engine.CreateVolume(ctx, container.VolumeOptions{Name: strings.Join(args, ""), Labels: labels})
			if err == nil {
				fmt.Fprintln(c.out, v.Name)
			}
			return err
		}
	},
}

var volumeLsCommand = command{
	name: "volume ls", short: "List volumes",
	setup: func(flags *pflag.FlagSet) action {
		quiet := flags.BoolP("quiet", "q", false, "print only the names")
		where := filterFlag(flags, "dangling", "label", "name")
		how := formatFlag(flags)
		return func(ctx context.Context, c *cli, _ []string) error {
			engine, err := c.engine()
			if err != nil {
				return err
			}
			list, err := engine.Volumes(ctx)
			if err != nil {
				return err
			}
			var rows []volumeRow
			for _, v := range list {
				if where.any("name", contains(v.Name)) && where.all("label", labelled(v.Labels)) && where.is("dangling", len(v.Containers) == 0) {
					rows = append(rows, volumeRow{Driver: "local", Name: v.Name, Mountpoint: v.Path, Labels: joined(v.Labels), Scope: "local"})
				}
			}
			return show(c.out, *how, *quiet, rows, listing[volumeRow]{
				id: func(r volumeRow) string { return r.Name }, header: "DRIVER\tVOLUME NAME",
				cells: func(r volumeRow) []string { return []string{r.Driver, r.Name} },
			})
		}
	},
}

// volumeRow has docker volume ls's names for --format.
type volumeRow struct{ Driver, Labels, Mountpoint, Name, Scope string }

var volumeInspectCommand = command{
	name: "volume inspect", args: "VOLUME [VOLUME...]", short: "Describe volumes as JSON", min: 1, max: -1,
	setup: func(flags *pflag.FlagSet) action {
		how := templateFlag(flags)
		return func(ctx context.Context, c *cli, args []string) error {
			return c.describe(args, *how, func(name string) (any, error) {
				engine, err := c.engine()
				if err != nil {
					return nil, err
				}
				v, err := engine.Volume(ctx, name)
				if err != nil {
					return nil, err
				}
				return object{
					"CreatedAt": stamp(v.Created), "Driver": "local", "Labels": v.Labels, "Mountpoint": v.Path, "Name": v.Name,
					"Options": nil, "Scope": "local",
				}, nil
			})
		}
	},
}

var volumeRmCommand = command{
	name: "volume rm", args: "VOLUME [VOLUME...]", short: "Remove volumes", min: 1, max: -1,
	setup: func(flags *pflag.FlagSet) action {
		force := flags.BoolP("force", "f", false, "ignore volumes that don't exist")
		return func(ctx context.Context, c *cli, args []string) error {
			return c.each(args, func(name string) (string, error) {
				engine, err := c.engine()
				if err == nil {
					err = engine.RemoveVolume(ctx, name)
				}
				if *force && errors.Is(err, container.ErrNotFound) {
					err = nil
				}
				return name, err
			})
		}
	},
}

var volumePruneCommand = command{
	name: "volume prune", short: "Remove volumes that no container mounts",
	setup: func(flags *pflag.FlagSet) action {
		var o container.PruneVolumesOptions
		flags.BoolVarP(&o.All, "all", "a", false, "also those that have a name")
		force := flags.BoolP("force", "f", false, "don't ask")
		where := filterFlag(flags, "label")
		return func(ctx context.Context, c *cli, _ []string) error {
			warning := "This will remove anonymous local volumes not used by at least one container."
			if o.All {
				warning = "This will remove all local volumes not used by at least one container."
			}
			if !*force && !c.confirm(warning) {
				return nil
			}
			var err error
			if o.Labels, err = pairs("filter", where.values["label"]); err != nil {
				return usage("volume prune", err)
			}
			engine, err := c.engine()
			if err != nil {
				return err
			}
			res, err := engine.PruneVolumes(ctx, o)
			if err != nil {
				return err
			}
			if len(res.Deleted) > 0 {
				fmt.Fprintf(c.out, "Deleted Volumes:\n%s\n\n", strings.Join(res.Deleted, "\n"))
			}
			fmt.Fprintf(c.out, "Total reclaimed space: %s\n", size(res.Space))
			return nil
		}
	},
}
