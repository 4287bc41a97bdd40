package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/docker/go-units"
	"github.com/spf13/pflag"

	"github.com/caisson-dev/caisson/container"
	"github.com/caisson-dev/caisson/examples/cli/internal/format"
	"github.com/caisson-dev/caisson/image"
)

const psTable = `table {{.ID}}\t{{.Image}}\t{{.Command}}\t{{.RunningFor}}\t{{.Status}}\t{{.Ports}}\t{{.Names}}`

var psCommand = command{
	name: "ps", short: "List containers",
	example: "ps -a --filter status=exited\nps --format 'table {{.Names}}\\t{{.Ports}}'",
	setup: func(flags *pflag.FlagSet) action {
		all := flags.BoolP("all", "a", false, "show containers that don't run, too")
		last := flags.IntP("last", "n", -1, "show the last containers that were made, running or not (default: all that run)")
		latest := flags.BoolP("latest", "l", false, "show the last container that was made")
		sizes := flags.BoolP("size", "s", false, "show the disk space of each container, too")
		quiet := flags.BoolP("quiet", "q", false, "print only the ids")
		full := flags.Bool("no-trunc", false, "don't shorten ids and commands")
		where := format.FilterFlag(flags, psFilters...)
		how := format.Flag(flags)
		return func(ctx context.Context, c *cli, _ []string) error {
			if *latest {
				*last = 1
			}
			list, err := c.list(ctx, where, *all || *last > 0)
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
			if *sizes || strings.Contains(string(*how), ".Size") {
				if err := c.sizes(ctx, list, rows); err != nil {
					return err
				}
			}
			table := psTable
			switch {
			case *quiet && (*how == "" || how.IsTable()):
				table, *how = "{{.ID}}", ""
			case *sizes:
				table += `\t{{.Size}}`
			}
			return format.Rows(c.out, how.Or(table), rows)
		}
	},
}

var psFilters = []string{
	"ancestor", "before", "exited", "expose", "health", "id", "label", "name", "network", "publish", "since", "status", "volume",
}

// list finds containers by --filter. What the library has no option for is looked at here.
func (c *cli) list(ctx context.Context, where *format.Filters, all bool) ([]container.Info, error) {
	opts, err := listOptions(where)
	if err != nil {
		return nil, err
	}
	opts.All = all
	engine, err := c.engine()
	if err != nil {
		return nil, err
	}
	if opts.Images, err = c.known(ctx, opts.Images); err != nil {
		return nil, err
	}
	if len(where.Values("ancestor")) > 0 && len(opts.Images) == 0 {
		return nil, nil // as Docker: an image that is not there has no containers
	}
	list, err := engine.List(ctx, opts)
	if err != nil {
		return nil, err
	}
	for i := range list {
		list[i].State.Status = shownStatus(&list[i])
	}
	return slices.DeleteFunc(list, func(i container.Info) bool {
		return len(opts.Statuses) > 0 && !where.Any("status", statusIs(i)) || !where.Any("id", format.Matches(i.ID)) || !where.Any("name", format.Matches(i.Name, "/"+i.Name)) ||
			!where.Any("health", healthIs(i)) || !where.Any("publish", format.PortFits(published(i))) || !where.Any("expose", format.PortFits(exposed(i)))
	}), nil
}

// shownStatus is created for a container that has never run, as in Docker, also where a start has failed: its exit code
// and error tell of that.
func shownStatus(i *container.Info) container.Status {
	if i.State.Status == container.StatusExited && i.State.Started.IsZero() {
		return container.StatusCreated
	}
	return i.State.Status
}

func statusIs(i container.Info) func(string) bool {
	return func(v string) bool {
		return container.Status(v) == i.State.Status || v == "dead" && i.State.Status == container.StatusDamaged
	}
}

// healthIs fits what the health checks say, and none for a container without a check.
func healthIs(i container.Info) func(string) bool {
	return func(v string) bool {
		if i.Health == nil {
			return v == "none"
		}
		return v == string(i.Health.Status)
	}
}

// known leaves out the images that the store has not.
func (c *cli) known(ctx context.Context, refs []string) ([]string, error) {
	var out []string
	for _, ref := range refs {
		_, err := c.opened.Get(ctx, ref)
		if err == nil {
			out = append(out, ref)
		} else if !errors.Is(err, image.ErrNotFound) && !errors.Is(err, image.ErrInvalidReference) {
			return nil, err
		}
	}
	return out, nil
}

var statuses = []container.Status{
	container.StatusCreated, container.StatusRunning, container.StatusPaused, container.StatusRestarting, container.StatusRemoving,
	container.StatusExited, container.StatusDamaged,
}

// listOptions converts --filter.
func listOptions(where *format.Filters) (container.ListOptions, error) {
	if err := errors.Join(where.Check(), where.CheckPorts("publish", "expose")); err != nil {
		return container.ListOptions{}, err
	}
	o := container.ListOptions{
		Images: where.Values("ancestor"), Networks: where.Values("network"), Volumes: where.Values("volume"),
		Before: where.Last("before"), Since: where.Last("since"), Labels: format.LabelsOf(where.Values("label")),
	}
	for _, v := range where.Values("status") {
		st := container.Status(v)
		if v == "dead" {
			st = container.StatusDamaged
		}
		if !slices.Contains(statuses, st) {
			return o, fmt.Errorf("--filter status=%s: it must be created, running, paused, restarting, removing, exited or dead", v)
		}
		o.Statuses = append(o.Statuses, st)
		if st == container.StatusCreated {
			o.Statuses = append(o.Statuses, container.StatusExited) // among them those that have never run
		}
	}
	for _, v := range where.Values("health") {
		if !slices.Contains([]string{"none", "starting", "healthy", "unhealthy"}, v) {
			return o, fmt.Errorf("--filter health=%s: it must be none, starting, healthy or unhealthy", v)
		}
	}
	for _, v := range where.Values("exited") {
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
	for i := range list {
		own, all := sizesOf(u, &list[i])
		rows[i].Size = fmt.Sprintf("%s (virtual %s)", format.Size(own), format.Size(all))
	}
	return nil
}

// sizesOf are what a container takes, and what it takes with its image.
func sizesOf(u *image.DiskUsage, info *container.Info) (own, all int64) {
	for _, i := range u.Containers.Items {
		if i.ID == info.ID {
			own = i.Size
		}
	}
	all = own
	for _, i := range u.Images.Items {
		if i.ID == info.ImageID {
			all += i.Size
		}
	}
	return own, all
}

// psRow has docker ps's names for --format.
type psRow struct {
	Command, CreatedAt string
	ID                 string `head:"CONTAINER ID"`
	Image, Labels      string
	LocalVolumes       string
	Mounts, Names      string
	Networks, Ports    string
	RunningFor         string `head:"CREATED"`
	Size               string
	State, Status      string
	labels             map[string]string
}

// Label is the value of a label.
func (r psRow) Label(name string) string { return r.labels[name] }

func newPsRow(info container.Info, full bool) psRow {
	id, command := format.ShortID(info.ID), format.Ellipsis(strings.Join(info.Command, " "), 20)
	if full {
		id, command = info.ID, strings.Join(info.Command, " ")
	}
	var mounts []string
	volumes := 0
	for _, m := range info.Mounts {
		if m.Type == container.MountTmpfs {
			continue
		}
		if m.Type == container.MountVolume {
			volumes++
		}
		source := m.Source
		if !full {
			source = format.Ellipsis(source, 15)
		}
		mounts = append(mounts, source)
	}
	return psRow{
		Command:      strconv.Quote(command),
		CreatedAt:    format.Date(info.Created),
		ID:           id,
		Image:        familiarString(info.Image, info.ImageID),
		Labels:       format.Joined(info.Labels),
		LocalVolumes: strconv.Itoa(volumes),
		Mounts:       strings.Join(mounts, ","),
		Names:        info.Name,
		Networks:     strings.Join(networksOf(info), ","),
		Ports:        portsText(info),
		RunningFor:   format.Ago(info.Created),
		State:        string(info.State.Status),
		Status:       statusText(info),
		labels:       info.Labels,
	}
}

// networksOf are the names of the networks that a container is on, or joins when it starts.
func networksOf(info container.Info) []string {
	var out []string
	for _, n := range info.Networks {
		out = append(out, n.Network)
	}
	if len(out) == 0 {
		for _, e := range info.Options.Networking.Endpoints {
			out = append(out, e.Network)
		}
	}
	if len(out) == 0 {
		out = []string{first(string(info.Options.Network), string(container.NetworkDefault))}
	}
	slices.Sort(out)
	return out
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
		return fmt.Sprintf("Restarting (%d) %s", info.State.ExitCode, format.Ago(info.State.Finished))
	case container.StatusPaused:
		return up + " (Paused)"
	case container.StatusExited:
		return fmt.Sprintf("Exited (%d) %s", info.State.ExitCode, format.Ago(info.State.Finished))
	case container.StatusCreated:
		return "Created"
	case container.StatusRemoving:
		return "Removal In Progress"
	case container.StatusDamaged:
		return "Damaged"
	}
	return string(info.State.Status)
}
