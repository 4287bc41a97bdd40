package main

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/docker/go-units"
	"github.com/spf13/pflag"

	"github.com/caisson-dev/caisson/container"
)

var psCommand = command{
	name: "ps", short: "List containers",
	setup: func(flags *pflag.FlagSet) action {
		all := flags.BoolP("all", "a", false, "show containers that don't run, too")
		last := flags.IntP("last", "n", -1, "show the last containers that were made, running or not (default: all that run)")
		latest := flags.BoolP("latest", "l", false, "show the last container that was made")
		sizes := flags.BoolP("size", "s", false, "show the disk space of each container, too")
		quiet := flags.BoolP("quiet", "q", false, "print only the ids")
		full := flags.Bool("no-trunc", false, "don't shorten ids and commands")
		where := filterFlag(flags, "ancestor", "before", "exited", "health", "id", "label", "name", "network", "since", "status", "volume")
		how := formatFlag(flags)
		return func(ctx context.Context, c *cli, _ []string) error {
			engine, err := c.engine()
			if err != nil {
				return err
			}
			if *latest {
				*last = 1
			}
			opts, err := listOptions(where.values)
			if err != nil {
				return usage("ps", err)
			}
			opts.All = *all || *last > 0
			list, err := engine.List(ctx, opts)
			if err != nil {
				return err
			}
			if *last > 0 {
				list = list[:min(*last, len(list))]
			}
			rows := make([]psRow, len(list))
			for i, info := range list {
				rows[i] = newPsRow(info, *full)
			}
			if *sizes {
				if err := c.sizes(ctx, list, rows); err != nil {
					return err
				}
			}
			as := listing[psRow]{
				id: func(r psRow) string { return r.ID }, header: "CONTAINER ID\tIMAGE\tCOMMAND\tCREATED\tSTATUS\tPORTS\tNAMES",
				cells: func(r psRow) []string {
					cells := []string{r.ID, r.Image, r.Command, r.RunningFor, r.Status, r.Ports, r.Names}
					if *sizes {
						cells = append(cells, r.Size)
					}
					return cells
				},
			}
			if *sizes {
				as.header += "\tSIZE"
			}
			return show(c.out, *how, *quiet, rows, as)
		}
	},
}

// listOptions converts --filter.
func listOptions(values map[string][]string) (container.ListOptions, error) {
	o := container.ListOptions{
		IDs: values["id"], Names: values["name"], Images: values["ancestor"], Networks: values["network"], Volumes: values["volume"],
		Statuses: as[container.Status](values["status"]), Health: as[container.HealthStatus](values["health"]),
		Before: strings.Join(values["before"], ""), Since: strings.Join(values["since"], ""), Labels: labelsOf(values["label"]),
	}
	for _, v := range values["exited"] {
		code, err := strconv.Atoi(v)
		if err != nil {
			return o, fmt.Errorf("--filter exited=%s: it is not a valid exit code", v)
		}
		o.ExitCodes = append(o.ExitCodes, code)
	}
	return o, nil
}

func as[T ~string](list []string) []T {
	var out []T
	for _, s := range list {
		out = append(out, T(s))
	}
	return out
}

// sizes fills in what the containers take, alone and with their images.
func (c *cli) sizes(ctx context.Context, list []container.Info, rows []psRow) error {
	u, err := c.opened.DiskUsage(ctx)
	if err != nil {
		return err
	}
	own, images := map[string]int64{}, map[string]int64{}
	for _, i := range u.Containers.Items {
		own[i.ID] = i.Size
	}
	for _, i := range u.Images.Items {
		images[i.ID] = i.Size
	}
	for i, info := range list {
		rows[i].Size = fmt.Sprintf("%s (virtual %s)", size(own[info.ID]), size(own[info.ID]+images[info.ImageID]))
	}
	return nil
}

// psRow has docker ps's names for --format.
type psRow struct {
	Command, CreatedAt, ID, Image, Labels, Mounts, Names, Networks, Ports, RunningFor, Size, State, Status string
}

func newPsRow(info container.Info, full bool) psRow {
	id, command := shortID(info.ID), ellipsis(strings.Join(info.Command, " "), 20)
	if full {
		id, command = info.ID, strings.Join(info.Command, " ")
	}
	var mounts []string
	for _, m := range info.Mounts {
		mounts = append(mounts, ellipsis(m.Source, 15))
	}
	return psRow{
		Command:    strconv.Quote(command),
		CreatedAt:  info.Created.Local().Format("2006-01-02 15:04:05 -0700 MST"),
		ID:         id,
		Image:      familiarString(info.Image, info.ImageID),
		Labels:     joined(info.Options.Labels),
		Mounts:     strings.Join(mounts, ","),
		Names:      info.Name,
		Networks:   string(info.Options.Network),
		Ports:      portsText(info.Ports),
		RunningFor: ago(info.Created),
		State:      string(info.State.Status),
		Status:     statusText(info),
	}
}

// statusText is the STATUS column: "Up 5 minutes", "Exited (0) 2 hours ago".
func statusText(info container.Info) string {
	up := "Up " + units.HumanDuration(time.Since(info.State.Started))
	switch info.State.Status {
	case container.StatusRunning:
		switch {
		case info.Health == nil:
			return up
		case info.Health.Status == container.HealthStarting:
			return up + " (health: starting)"
		}
		return up + " (" + string(info.Health.Status) + ")"
	case container.StatusRestarting:
		return fmt.Sprintf("Restarting (%d) %s", info.State.ExitCode, ago(info.State.Finished))
	case container.StatusPaused:
		return up + " (Paused)"
	case container.StatusExited:
		return fmt.Sprintf("Exited (%d) %s", info.State.ExitCode, ago(info.State.Finished))
	case container.StatusCreated:
		return "Created"
	case container.StatusRemoving:
		return "Removal In Progress"
	case container.StatusDamaged:
		return "Damaged"
	}
	return string(info.State.Status)
}
