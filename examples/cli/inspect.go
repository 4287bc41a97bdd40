package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"github.com/caisson-dev/caisson/container"
	"github.com/caisson-dev/caisson/image"
)

var inspectCommand = command{
	name: "inspect", args: "NAME|ID [NAME|ID...]", short: "Describe containers and images as JSON", min: 1, max: -1,
	setup: func(*pflag.FlagSet) action {
		return func(ctx context.Context, c *cli, args []string) error {
			found := []any{}
			failed := false
			for _, arg := range args {
				v, err := c.inspect(ctx, arg)
				if err != nil {
					fmt.Fprintf(c.err, "caisson: %v\n", err)
					failed = true
					continue
				}
				found = append(found, v)
			}
			enc := json.NewEncoder(c.out)
			enc.SetEscapeHTML(false)
			enc.SetIndent("", "    ")
			if err := enc.Encode(found); err != nil {
				return err
			}
			if failed {
				return &status{code: 1}
			}
			return nil
		}
	},
}

// inspect looks for a container first, then for an image.
func (c *cli) inspect(ctx context.Context, ref string) (any, error) {
	ctr, err := c.container(ctx, ref)
	if err == nil {
		info, err := ctr.Inspect(ctx)
		if err != nil {
			return nil, err
		}
		return containerJSON(info), nil
	}
	if !errors.Is(err, container.ErrNotFound) {
		return nil, err
	}
	store, err := c.store()
	if err != nil {
		return nil, err
	}
	img, err := store.Get(ctx, ref)
	if errors.Is(err, image.ErrNotFound) || errors.Is(err, image.ErrInvalidReference) {
		return nil, fmt.Errorf("no such object: %s", ref)
	}
	if err != nil {
		return nil, err
	}
	return imageJSON(img), nil
}

type object = map[string]any

// containerJSON has docker inspect's shape, for what the library knows.
func containerJSON(info *container.Info) object {
	path, args := "", []string{}
	if len(info.Command) > 0 {
		path, args = info.Command[0], info.Command[1:]
	}
	o := info.Options
	mounts := []object{}
	for _, m := range info.Mounts {
		mounts = append(mounts, object{"Type": m.Type, "Source": m.Source, "Destination": m.Target, "RW": !m.ReadOnly})
	}
	return object{
		"Id": info.ID, "Name": "/" + info.Name, "Created": stamp(info.Created), "Path": path, "Args": args,
		"Image": info.ImageID, "RestartCount": info.Restarts, "LogPath": info.LogPath, "Mounts": mounts,
		"State": object{
			"Status": info.State, "Running": info.State == container.StateRunning || info.State == container.StatePaused,
			"Paused": info.State == container.StatePaused, "OOMKilled": info.Status.OOMKilled, "Pid": info.Pid,
			"ExitCode": info.Status.Code, "Error": info.Status.Error,
			"StartedAt": stamp(info.Status.Started), "FinishedAt": stamp(info.Status.Finished),
		},
		"Config": object{
			"Image": info.Image, "Hostname": o.Hostname, "User": o.User, "Env": list(o.Env), "Cmd": list(o.Cmd),
			"Entrypoint": list(o.Entrypoint), "WorkingDir": o.Dir, "Labels": o.Labels, "OpenStdin": o.Stdin,
			"StopSignal": o.StopSignal, "Tty": o.TTY,
		},
		"HostConfig": object{"AutoRemove": o.AutoRemove, "NetworkMode": o.Network, "ReadonlyRootfs": o.ReadOnly},
	}
}

// imageJSON has docker inspect's shape, for what the library knows.
func imageJSON(img *image.Image) object {
	tags, digests := []string{}, []string{}
	for _, full := range img.Names {
		if strings.Contains(full, "@") {
			digests = append(digests, familiarString(full, ""))
		} else {
			tags = append(tags, familiarString(full, ""))
		}
	}
	for _, d := range img.Digests {
		if short := familiarString(d, ""); strings.Contains(d, "/") && !slices.Contains(digests, short) {
			digests = append(digests, short)
		}
	}
	cfg := img.Config
	return object{
		"Id": img.ID, "RepoTags": tags, "RepoDigests": digests, "Created": stamp(img.Created), "Size": img.Size,
		"Architecture": img.Arch, "Os": img.OS, "RootFS": object{"Type": "layers", "Layers": list(img.Layers)},
		"Config": object{
			"User": cfg.User, "Env": list(cfg.Env), "Entrypoint": list(cfg.Entrypoint), "Cmd": list(cfg.Cmd),
			"WorkingDir": cfg.WorkingDir, "StopSignal": cfg.StopSignal, "Labels": img.Labels, "Volumes": set(cfg.Volumes),
			"ExposedPorts": set(cfg.ExposedPorts), "Shell": list(cfg.Shell), "OnBuild": list(cfg.OnBuild),
		},
	}
}

// stamp is a time as Docker writes it.
func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339Nano) }

// list is null for none, as in Docker's output.
func list(s []string) any {
	if s == nil {
		return nil
	}
	return s
}

// set is Docker's way to write a set: an object of empty objects.
func set(names []string) any {
	if len(names) == 0 {
		return nil
	}
	o := object{}
	for _, n := range names {
		o[n] = object{}
	}
	return o
}
