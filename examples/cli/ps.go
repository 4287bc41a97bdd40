package main

import (
	"context"
	"fmt"
	"slices"
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
		all := flags.BoolP("all", "a", false, "those that don't run, too")
		last := flags.IntP("last", "n", -1, "the last ones that were made, running or not (default all that run)")
		latest := flags.BoolP("latest", "l", false, "the last one that was made")
		quiet := flags.BoolP("quiet", "q", false, "print the ids alone")
		full := flags.Bool("no-trunc", false, "don't shorten ids and commands")
		where := filterFlag(flags, "ancestor", "exited", "health", "id", "label", "name", "network", "status", "volume")
		how := formatFlag(flags)
		return func(ctx context.Context, c *cli, _ []string) error {
			engine, err := c.engine()
			if err != nil {
				return err
			}
			if *latest {
				*last = 1
			}
			// As with Docker, who asks for a state or for the last ones asks for those that don't run, too.
			stopped := len(where.values["status"])+len(where.values["exited"]) > 0
			list, err := engine.List(ctx, container.ListOptions{All: *all || stopped || *last > 0})
			if err != nil {
				return err
			}
			var rows []psRow
			for _, info := range list {
				if where.container(info) && (*last <= 0 || len(rows) < *last) {
					rows = append(rows, newPsRow(info, *full))
				}
			}
			return show(c.out, *how, *quiet, rows, listing[psRow]{
				id: func(r psRow) string { return r.ID }, header: "CONTAINER ID\tIMAGE\tCOMMAND\tCREATED\tSTATUS\tPORTS\tNAMES",
				cells: func(r psRow) []string {
					return []string{r.ID, r.Image, r.Command, r.RunningFor, r.Status, r.Ports, r.Names}
				},
			})
		}
	},
}

// container says whether one fits.
func (f *filters) container(info container.Info) bool {
	mounted := func(v string) bool {
		return slices.ContainsFunc(info.Mounts, func(m container.Mount) bool { return m.Source == v || m.Target == v })
	}
	on := func(v string) bool {
		return slices.ContainsFunc(info.Options.Networks, func(e container.Endpoint) bool { return e.Network == v }) ||
			slices.ContainsFunc(info.Networks, func(e container.EndpointInfo) bool { return e.Network == v }) ||
			string(info.Options.Network) == v
	}
	health := "none"
	if info.Health != nil {
		health = string(info.Health.State)
	}
	exited := func(v string) bool { return info.State == container.StateExited && v == strconv.Itoa(info.Status.Code) }
	made := func(v string) bool {
		return fullName(v) == fullName(info.Image) || strings.HasPrefix(strings.TrimPrefix(info.ImageID, "sha256:"), strings.TrimPrefix(v, "sha256:"))
	}
	return f.any("id", begins(info.ID)) && f.any("name", contains(info.Name)) && f.any("status", equal(info.State)) &&
		f.all("label", labelled(info.Options.Labels)) && f.any("health", equal(health)) && f.any("volume", mounted) &&
		f.any("network", on) && f.any("exited", exited) && f.any("ancestor", made)
}

// psRow has docker ps's names for --format.
type psRow struct {
	Command, CreatedAt, ID, Image, Labels, Mounts, Names, Networks, Ports, RunningFor, State, Status string
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
		State:      string(info.State),
		Status:     statusText(info),
	}
}

// statusText is the STATUS column: "Up 5 minutes", "Exited (0) 2 hours ago".
func statusText(info container.Info) string {
	up := "Up " + units.HumanDuration(time.Since(info.Status.Started))
	switch info.State {
	case container.StateRunning:
		switch {
		case info.Health == nil:
			return up
		case info.Health.State == container.HealthStarting:
			return up + " (health: starting)"
		}
		return up + " (" + string(info.Health.State) + ")"
	case container.StateRestarting:
		return fmt.Sprintf("Restarting (%d) %s", info.Status.Code, ago(info.Status.Finished))
	case container.StatePaused:
		return up + " (Paused)"
	case container.StateExited:
		return fmt.Sprintf("Exited (%d) %s", info.Status.Code, ago(info.Status.Finished))
	case container.StateCreated:
		return "Created"
	case container.StateRemoving:
		return "Removal In Progress"
	}
	return string(info.State)
}
