package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strings"

	"github.com/spf13/pflag"

	"github.com/caisson-dev/caisson/container"
	"github.com/caisson-dev/caisson/examples/cli/internal/format"
)

var volumeCreateCommand = command{
	name: "volume create", args: "[VOLUME]", short: "Make a volume", min: 0, max: 1,
	setup: func(flags *pflag.FlagSet) action {
		list := flags.StringArray("label", nil, "label NAME=VALUE (may be repeated)")
		name := flags.String("name", "", "name of the volume")
		_ = flags.MarkHidden("name") // Docker's form of old
		driver := flags.StringP("driver", "d", "local", "driver: local is the only one")
		options := flags.StringArrayP("opt", "o", nil, "option of the driver; the store's volumes have none")
		return func(ctx context.Context, c *cli, args []string) error {
			labels, err := pairs("label", *list)
			switch {
			case err != nil:
				return usage("volume create", err)
			case *name != "" && len(args) > 0:
				return fmt.Errorf("--name %s: the name is given twice, as the argument %s too", *name, args[0])
			case *driver != "local":
				return fmt.Errorf("--driver %q: local is the only driver: leave the flag out", *driver)
			case len(*options) > 0:
				return fmt.Errorf("--opt %q: volumes have no options here: use --mount type=bind or type=tmpfs for another file system", (*options)[0])
			}
			engine, err := c.engine()
			if err != nil {
				return err
			}
			v, err := engine.CreateVolume(ctx, container.VolumeOptions{Name: *name + strings.Join(args, ""), Labels: labels})
			if err == nil {
				fmt.Fprintln(c.out, v.Name)
			}
			return err
		}
	},
}

var volumeLsCommand = command{
	name: "volume ls|list", short: "List volumes",
	setup: func(flags *pflag.FlagSet) action {
		quiet := flags.BoolP("quiet", "q", false, "print only the names")
		where := format.FilterFlag(flags, "dangling", "driver", "label", "name")
		how := format.Flag(flags)
		return func(ctx context.Context, c *cli, _ []string) error {
			if err := where.Check(); err != nil {
				return err
			}
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
				if where.Any("name", format.Matches(v.Name)) && where.All("label", format.Labelled(v.Labels)) &&
					where.Is("dangling", len(v.Containers) == 0) && where.Any("driver", func(d string) bool { return d == "local" }) {
					rows = append(rows, volumeRow{
						Driver: "local", Name: v.Name, Mountpoint: v.Path, Labels: format.Joined(v.Labels), Scope: "local", labels: v.Labels,
						Links: "N/A", Size: "N/A",
					})
				}
			}
			table := `table {{.Driver}}\t{{.Name}}`
			if *quiet && (*how == "" || how.IsTable()) {
				table, *how = "{{.Name}}", ""
			}
			return format.Rows(c.out, how.Or(table), rows)
		}
	},
}

// volumeRow has docker volume ls's names for --format.
type volumeRow struct {
	Driver, Labels, Links, Mountpoint string
	Name                              string `head:"VOLUME NAME"`
	Scope, Size                       string
	labels                            map[string]string
}

// Label is the value of a label.
func (r volumeRow) Label(name string) string { return r.labels[name] }

var volumeInspectCommand = command{
	name: "volume inspect", args: "VOLUME [VOLUME...]", short: "Describe volumes as JSON", min: 1, max: -1,
	setup: func(flags *pflag.FlagSet) action {
		how := format.InspectFlag(flags)
		return func(ctx context.Context, c *cli, args []string) error {
			return inspectEach(c, args, *how, func(name string) (*volumeJSON, error) { return c.inspectVolume(ctx, name) })
		}
	},
}

func (c *cli) inspectVolume(ctx context.Context, name string) (*volumeJSON, error) {
	engine, err := c.engine()
	if err != nil {
		return nil, err
	}
	v, err := engine.Volume(ctx, name)
	if err != nil {
		return nil, err
	}
	out := &volumeJSON{
		CreatedAt: format.Second(v.Created), Driver: "local", Labels: map[string]string{}, Mountpoint: v.Path, Name: v.Name,
		Options: map[string]string{}, Scope: "local",
	}
	maps.Copy(out.Labels, v.Labels)
	return out, nil
}

// volumeJSON is Docker's description of a volume.
type volumeJSON struct {
	CreatedAt, Driver string
	Labels            map[string]string
	Mountpoint, Name  string
	Options           map[string]string
	Scope             string
}

var volumeRmCommand = command{
	name: "volume rm|remove", args: "VOLUME [VOLUME...]", short: "Remove volumes", min: 1, max: -1,
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
		where := format.FilterFlag(flags, "label")
		return func(ctx context.Context, c *cli, _ []string) error {
			if err := where.Check(); err != nil {
				return err
			}
			warning := "This will remove anonymous local volumes not used by at least one container."
			if o.All {
				warning = "This will remove all local volumes not used by at least one container."
			}
			if !*force && !c.agreed(warning) {
				return nil
			}
			o.Labels = format.LabelsOf(where.Values("label"))
			engine, err := c.engine()
			if err != nil {
				return err
			}
			res, err := engine.PruneVolumes(ctx, o)
			if err != nil {
				return err
			}
			c.pruned("Volumes", res.Deleted)
			c.reclaimed(res.Space)
			return nil
		}
	},
}

// pruned lists what a prune has removed, and reclaimed says what that freed.
func (c *cli) pruned(what string, names []string) {
	if len(names) > 0 {
		fmt.Fprintf(c.out, "Deleted %s:\n%s\n\n", what, strings.Join(names, "\n"))
	}
}

func (c *cli) reclaimed(bytes int64) {
	fmt.Fprintf(c.out, "Total reclaimed space: %s\n", format.Size(bytes))
}
