package containers

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"time"

	docker "github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/network"

	"github.com/caisson-dev/caisson/container"
	"github.com/caisson-dev/caisson/dockerapi/internal/filters"
	"github.com/caisson-dev/caisson/dockerapi/internal/wire"
	"github.com/caisson-dev/caisson/dockerapi/shape"
	"github.com/caisson-dev/caisson/image"
)

var listFilters = []string{
	"ancestor", "before", "exited", "expose", "health", "id", "isolation", "is-task", "label", "name", "network", "publish", "since",
	"status", "volume",
}

func (s *Service) list(w http.ResponseWriter, r *wire.Request) error {
	f, err := filters.Parse(r.Query("filters"), listFilters...)
	if err != nil {
		return err
	}
	limit, err := r.Int("limit")
	if err != nil {
		return err
	}
	list, err := s.chosen(r.Context(), f, r.Bool("all") || limit > 0, r.Query("before"), r.Query("since"))
	if err != nil {
		return err
	}
	if limit > 0 && int(limit) < len(list) {
		list = list[:limit]
	}
	around, err := s.Surroundings(r.Context())
	if err != nil {
		return err
	}
	out, now := []docker.Summary{}, time.Now()
	for i := range list {
		out = append(out, shape.Summary(&list[i], around, now))
	}
	if r.Bool("size") {
		if err := s.sizes(r.Context(), list, out); err != nil {
			return err
		}
	}
	return wire.OK(w, out)
}

func (s *Service) sizes(ctx context.Context, list []container.Info, out []docker.Summary) error {
	u, err := s.Store.DiskUsage(ctx)
	if err != nil {
		return err
	}
	for i := range list {
		out[i].SizeRw, out[i].SizeRootFs = sizesOf(u, &list[i])
	}
	return nil
}

// sizesOf are what a container takes alone, and with its image.
func sizesOf(u *image.DiskUsage, info *container.Info) (own, all int64) {
	for _, c := range u.Containers.Items {
		if c.ID == info.ID {
			own = c.Size
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

// chosen are the containers that fit the filters.
func (s *Service) chosen(ctx context.Context, f filters.Filters, all bool, before, since string) ([]container.Info, error) {
	o, err := s.listOptions(ctx, f, before, since)
	if err != nil {
		return nil, err
	}
	o.All = all
	if f.Has("ancestor") && len(o.Images) == 0 {
		return nil, nil // as Docker: an image that is not there has no containers
	}
	if task, err := f.Bool("is-task", false); err != nil || task {
		return nil, err
	}
	list, err := s.Engine.List(ctx, o)
	if errors.Is(err, container.ErrNotFound) {
		return nil, wire.NotFound("No such container: %s%s", o.Before, o.Since)
	}
	if err != nil {
		return nil, err
	}
	for _, name := range []string{"publish", "expose"} { // a value that is not valid is an error also without a container
		if _, err := f.Ports(name, func(network.Port) bool { return false }); err != nil {
			return nil, err
		}
	}
	return slices.DeleteFunc(list, func(i container.Info) bool { return !containerFits(f, &i) }), nil
}

// containerFits says whether a container fits the filters that the library has no option for.
func containerFits(f filters.Filters, i *container.Info) bool {
	health := "none"
	if i.Health != nil {
		health = string(i.Health.Status)
	}
	published := map[network.Port]bool{}
	for _, p := range shape.Ports(i) {
		if key, ok := network.PortFrom(p.PrivatePort, network.IPProtocol(p.Type)); ok && p.PublicPort != 0 {
			published[key] = true
		}
	}
	exposed := shape.Exposed(i)
	isPublished, _ := f.Ports("publish", func(p network.Port) bool { return published[p] }) // they were looked at
	isExposed, _ := f.Ports("expose", func(p network.Port) bool { _, ok := exposed[p]; return ok })
	return f.Match("id", i.ID) && f.Match("name", i.Name, "/"+i.Name) && f.Equal("health", health) && isPublished && isExposed &&
		f.Any("network", func(v string) bool { return slices.Contains(shape.Networks(i), v) })
}

var states = map[string]container.Status{
	"created": container.StatusCreated, "running": container.StatusRunning, "paused": container.StatusPaused, "restarting": container.StatusRestarting,
	"removing": container.StatusRemoving, "exited": container.StatusExited, "dead": container.StatusDamaged,
}

func (s *Service) listOptions(ctx context.Context, f filters.Filters, before, since string) (container.ListOptions, error) {
	o := container.ListOptions{Volumes: f["volume"], Labels: f.Pairs("label"), Before: before, Since: since}
	for _, v := range f["status"] {
		st, ok := states[v]
		if !ok {
			return o, wire.BadRequest("invalid filter 'status=%s': %w", v, docker.ValidateContainerState(docker.ContainerState(v)))
		}
		o.Statuses = append(o.Statuses, st)
	}
	for _, v := range f["health"] {
		if !slices.Contains([]string{"none", "starting", "healthy", "unhealthy"}, v) {
			return o, wire.BadRequest("invalid filter 'health=%s': invalid value for health (%s): must be one of none, starting, unhealthy, healthy", v, v)
		}
	}
	for _, v := range f["exited"] {
		code, err := strconv.Atoi(v)
		if err != nil {
			return o, wire.BadRequest("invalid filter 'exited=%s': %w", v, err)
		}
		o.ExitCodes = append(o.ExitCodes, code)
	}
	for name, to := range map[string]*string{"before": &o.Before, "since": &o.Since} {
		if v := f[name]; len(v) > 0 {
			*to = v[len(v)-1]
		}
	}
	for _, ref := range f["ancestor"] {
		_, err := s.Store.Get(ctx, ref)
		if err == nil {
			o.Images = append(o.Images, ref)
		} else if !errors.Is(err, image.ErrNotFound) && !errors.Is(err, image.ErrInvalidReference) {
			return o, err
		}
	}
	for i, ref := range f["network"] { // by name, as the library has it; an id stands for that
		if n, err := s.Network(ctx, ref); err == nil {
			f["network"][i] = n.Name
		}
	}
	return o, nil
}

func (s *Service) inspect(w http.ResponseWriter, r *wire.Request) error {
	c, info, err := s.Backend.Inspect(r.Context(), r.Name)
	if err != nil {
		return err
	}
	around, err := s.Surroundings(r.Context())
	if err != nil {
		return err
	}
	out := shape.Inspect(info, around)
	out.ExecIDs = s.execs.of(c.ID())
	if r.Bool("size") {
		u, err := s.Store.DiskUsage(r.Context())
		if err != nil {
			return err
		}
		own, all := sizesOf(u, info)
		out.SizeRw, out.SizeRootFs = &own, &all
	}
	return wire.OK(w, out)
}

// prune removes the containers that do not run, also those that go with this process.
func (s *Service) prune(w http.ResponseWriter, r *wire.Request) error {
	f, err := filters.Parse(r.Query("filters"), "label", "label!", "until")
	if err != nil {
		return err
	}
	until, err := f.Until(time.Now())
	if err != nil {
		return err
	}
	ctx := r.Context()
	list, err := s.Engine.List(ctx, container.ListOptions{Statuses: []container.Status{container.StatusCreated, container.StatusExited, container.StatusDamaged}})
	if err != nil {
		return err
	}
	u, err := s.Store.DiskUsage(ctx)
	if err != nil {
		return err
	}
	out := docker.PruneReport{}
	for _, i := range list {
		if !until.IsZero() && i.Created.After(until) || !f.Labels(i.Labels) {
			continue
		}
		c, err := s.Engine.Get(ctx, i.ID)
		if err == nil {
			err = c.Remove(ctx, container.RemoveOptions{KeepVolumes: true})
		}
		if errors.Is(err, container.ErrNotFound) || errors.Is(err, container.ErrRunning) {
			continue
		}
		if err != nil {
			return err
		}
		own, _ := sizesOf(u, &i)
		out.ContainersDeleted, out.SpaceReclaimed = append(out.ContainersDeleted, i.ID), out.SpaceReclaimed+uint64(max(own, 0))
	}
	return wire.OK(w, out)
}
