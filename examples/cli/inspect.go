package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/pflag"

	"github.com/caisson-dev/caisson/container"
	"github.com/caisson-dev/caisson/examples/cli/internal/format"
	"github.com/caisson-dev/caisson/image"
)

var inspectCommand = command{
	name: "inspect", args: "NAME|ID [NAME|ID...]", short: "Describe containers, images, networks and volumes as JSON", min: 1, max: -1,
	example: "inspect -f '{{.State.Status}} {{.NetworkSettings.IPAddress}}' web\ninspect --type image app",
	setup: func(flags *pflag.FlagSet) action {
		how := format.InspectFlag(flags)
		kind := flags.String("type", "", "look only for a container, image, network or volume")
		sizes := flags.BoolP("size", "s", false, "show the disk space of containers, too")
		return func(ctx context.Context, c *cli, args []string) error {
			finders := c.finders(*sizes)
			if *kind != "" {
				one, ok := finders[*kind]
				if !ok {
					return fmt.Errorf("--type %q is not valid: use container, image, network or volume", *kind)
				}
				return inspectEach(c, args, *how, func(ref string) (any, error) { return one(ctx, ref) })
			}
			return inspectEach(c, args, *how, func(ref string) (any, error) {
				for _, kind := range []string{"container", "image", "network", "volume"} {
					v, err := finders[kind](ctx, ref)
					if !errors.Is(err, container.ErrNotFound) && !errors.Is(err, image.ErrInvalidReference) && !errors.Is(err, container.ErrInvalidArgument) {
						return v, err
					}
				}
				return nil, fmt.Errorf("no such object: %s", ref)
			})
		}
	},
}

var containerInspectCommand = command{
	name: "container inspect", args: "CONTAINER [CONTAINER...]", short: "Describe containers as JSON", min: 1, max: -1,
	setup: func(flags *pflag.FlagSet) action {
		how := format.InspectFlag(flags)
		sizes := flags.BoolP("size", "s", false, "show the disk space, too")
		return func(ctx context.Context, c *cli, args []string) error {
			return inspectEach(c, args, *how, func(ref string) (any, error) { return c.inspectContainer(ctx, ref, *sizes) })
		}
	},
}

var imageInspectCommand = command{
	name: "image inspect", args: "IMAGE [IMAGE...]", short: "Describe images as JSON", min: 1, max: -1,
	setup: func(flags *pflag.FlagSet) action {
		how := format.InspectFlag(flags)
		return func(ctx context.Context, c *cli, args []string) error {
			return inspectEach(c, args, *how, func(ref string) (any, error) { return c.inspectImage(ctx, ref) })
		}
	},
}

type finder func(ctx context.Context, ref string) (any, error)

// finders describe an object of a kind.
func (c *cli) finders(sizes bool) map[string]finder {
	return map[string]finder{
		"container": func(ctx context.Context, ref string) (any, error) { return c.inspectContainer(ctx, ref, sizes) },
		"image":     c.inspectImage,
		"network":   func(ctx context.Context, ref string) (any, error) { return c.inspectNetwork(ctx, ref) },
		"volume":    func(ctx context.Context, ref string) (any, error) { return c.inspectVolume(ctx, ref) },
	}
}

// codeTemplate is that of an inspect with a template that can't be parsed.
const codeTemplate = 64

// inspectEach prints what find finds, as a JSON array or by a template. As Docker, it goes on after an error.
func inspectEach[T any](c *cli, args []string, how format.Format, find func(ref string) (T, error)) error {
	if how != "" && !how.IsJSON() {
		if _, err := how.Template(); err != nil {
			return &status{codeTemplate, err}
		}
	}
	found := []T{}
	failed := c.each(args, func(ref string) (string, error) {
		v, err := find(ref)
		if err == nil {
			found = append(found, v)
		}
		return "", err
	})
	if err := format.Inspect(c.out, how, found); err != nil {
		return err
	}
	return failed
}

// inspectContainer describes a container, with what it has of its image.
func (c *cli) inspectContainer(ctx context.Context, ref string, sizes bool) (any, error) {
	ctr, err := c.container(ctx, ref)
	if err != nil {
		return nil, err
	}
	info, err := ctr.Inspect(ctx)
	if err != nil {
		return nil, err
	}
	volumes, err := c.volumePaths(ctx, info.Mounts)
	if err != nil {
		return nil, err
	}
	out := containerJSON(info, volumes)
	if sizes {
		u, err := c.opened.DiskUsage(ctx)
		if err != nil {
			return nil, err
		}
		own, all := sizesOf(u, info)
		out.SizeRw, out.SizeRootFs = &own, &all
	}
	return out, nil
}

// volumePaths are the directories of the volumes that are mounted.
func (c *cli) volumePaths(ctx context.Context, mounts []container.Mount) (map[string]string, error) {
	paths := map[string]string{}
	for _, m := range mounts {
		if m.Type != container.MountVolume {
			continue
		}
		engine, err := c.engine()
		if err != nil {
			return nil, err
		}
		list, err := engine.Volumes(ctx)
		if err != nil {
			return nil, err
		}
		for _, v := range list {
			paths[v.Name] = v.Path
		}
		break
	}
	return paths, nil
}
