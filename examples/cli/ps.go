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
		quiet := flags.BoolP("quiet", "q", false, "print the ids alone")
		how := formatFlag(flags)
		return func(ctx context.Context, c *cli, _ []string) error {
			engine, err := c.engine()
			if err != nil {
				return err
			}
			list, err := engine.List(ctx, container.ListOptions{All: *all})
			if err != nil {
				return err
			}
			rows := make([]psRow, len(list))
			for i, info := range list {
				rows[i] = newPsRow(info)
			}
			switch {
			case *quiet:
				for _, r := range rows {
					fmt.Fprintln(c.out, r.ID)
				}
				return nil
			case *how == "json":
				return lines(c.out, rows)
			}
			cells := make([][]string, len(rows))
			for i, r := range rows {
				cells[i] = []string{r.ID, r.Image, r.Command, r.RunningFor, r.Status, r.Ports, r.Names}
			}
			return table(c.out, "CONTAINER ID\tIMAGE\tCOMMAND\tCREATED\tSTATUS\tPORTS\tNAMES", cells)
		}
	},
}

// psRow has docker ps's names for --format.
type psRow struct {
	Command, CreatedAt, ID, Image, Labels, Mounts, Names, Networks, Ports, RunningFor, State, Status string
}

func newPsRow(info container.Info) psRow {
	var labels, mounts []string
	for k, v := range info.Options.Labels {
		labels = append(labels, k+"="+v)
	}
	slices.Sort(labels)
	for _, m := range info.Mounts {
		mounts = append(mounts, ellipsis(m.Source, 15))
	}
	return psRow{
		Command:    strconv.Quote(ellipsis(strings.Join(info.Command, " "), 20)),
		CreatedAt:  info.Created.Local().Format("2006-01-02 15:04:05 -0700 MST"),
		ID:         shortID(info.ID),
		Image:      familiarString(info.Image, info.ImageID),
		Labels:     strings.Join(labels, ","),
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
