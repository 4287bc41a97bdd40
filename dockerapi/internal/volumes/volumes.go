// Package volumes answers the requests of Docker's API about volumes.
package volumes

import (
	"errors"
	"net/http"
	"slices"
	"strings"

	"github.com/moby/moby/api/types/volume"

	"github.com/caisson-dev/caisson/container"
	"github.com/caisson-dev/caisson/dockerapi/internal/backend"
	"github.com/caisson-dev/caisson/dockerapi/internal/filters"
	"github.com/caisson-dev/caisson/dockerapi/internal/wire"
	"github.com/caisson-dev/caisson/dockerapi/shape"
)

// Service answers the requests.
type Service struct{ *backend.Backend }

// Routes registers the requests.
func Routes(t *wire.Router, b *backend.Backend) {
	s := &Service{b}
	t.Handle("GET /volumes", s.list)
	t.Handle("POST /volumes/create", s.create)
	t.Handle("POST /volumes/prune", s.prune)
	t.Handle("GET /volumes/{name}", s.inspect)
	t.Handle("PUT /volumes/{name}", s.update)
	t.Handle("DELETE /volumes/{name}", s.remove)
}

func (s *Service) list(w http.ResponseWriter, r *wire.Request) error {
	f, err := filters.Parse(r.Query("filters"), "dangling", "driver", "label", "name")
	if err != nil {
		return err
	}
	dangling, err := f.Bool("dangling", false)
	if err != nil {
		return err
	}
	list, err := s.Engine.Volumes(r.Context())
	if err != nil {
		return err
	}
	out := volume.ListResponse{Volumes: []volume.Volume{}, Warnings: []string{}}
	for i := range list {
		v := shape.Volume(&list[i])
		if f.Match("name", v.Name) && f.Equal("driver", v.Driver) && f.Labels(v.Labels) && (!f.Has("dangling") || dangling == (len(list[i].Containers) == 0)) {
			out.Volumes = append(out.Volumes, v)
		}
	}
	return wire.OK(w, out)
}

func (s *Service) inspect(w http.ResponseWriter, r *wire.Request) error {
	v, err := s.Engine.Volume(r.Context(), r.Name)
	if err != nil {
		return volumeError(r.Name, err)
	}
	return wire.OK(w, shape.Volume(v))
}

func volumeError(name string, err error) error {
	if errors.Is(err, container.ErrNotFound) {
		return backend.NoVolume(name)
	}
	return err
}

func (s *Service) create(w http.ResponseWriter, r *wire.Request) error {
	var in volume.CreateRequest
	if err := r.Decode(&in, true); err != nil {
		return err
	}
	switch {
	case in.Driver != "" && in.Driver != "local":
		return wire.NotFound(`error looking up volume plugin %s: plugin "%s" not found`, in.Driver, in.Driver)
	case in.ClusterVolumeSpec != nil:
		return wire.Errorf(http.StatusServiceUnavailable, "volume create: cluster volumes need a swarm, which this engine has not")
	case len(in.DriverOpts) > 0:
		return wire.BadRequest("create %s: options of the volume driver are not supported by this engine: use a mount of type bind or tmpfs", in.Name)
	}
	v, err := s.Engine.CreateVolume(r.Context(), container.VolumeOptions{Name: in.Name, Labels: s.Labelled(in.Labels)})
	if errors.Is(err, container.ErrInvalidArgument) {
		return wire.BadRequest(`create %s: "%s" includes invalid characters for a local volume name, only "[a-zA-Z0-9][a-zA-Z0-9_.-]" are allowed. If you intended to pass a host directory, use absolute path: %w`, in.Name, in.Name, err)
	}
	if err != nil {
		return err
	}
	wire.Reply(w, http.StatusCreated, shape.Volume(v))
	return nil
}

func (s *Service) update(http.ResponseWriter, *wire.Request) error {
	return wire.Errorf(http.StatusServiceUnavailable, "volume update only valid for cluster volumes, but swarm is unavailable")
}

func (s *Service) remove(w http.ResponseWriter, r *wire.Request) error {
	err := s.Engine.RemoveVolume(r.Context(), r.Name)
	switch {
	case errors.Is(err, container.ErrNotFound) && r.Bool("force"):
	case errors.Is(err, container.ErrInUse):
		users := "unknown"
		if v, verr := s.Engine.Volume(r.Context(), r.Name); verr == nil {
			users = strings.Join(v.Containers, ", ")
		}
		return wire.Conflict("remove %s: volume is in use - [%s]", r.Name, users)
	case err != nil:
		return volumeError(r.Name, err)
	}
	return wire.Empty(w, http.StatusNoContent)
}

// prune removes volumes that no container mounts: since 1.42 anonymous ones alone, unless the filter all says otherwise.
func (s *Service) prune(w http.ResponseWriter, r *wire.Request) error {
	f, err := filters.Parse(r.Query("filters"), "all", "label", "label!")
	if err != nil {
		return err
	}
	all, err := f.Bool("all", !r.Version.AtLeast(42))
	if err != nil {
		return err
	}
	out := volume.PruneReport{VolumesDeleted: []string{}}
	if len(f["label!"]) == 0 {
		res, err := s.Engine.PruneVolumes(r.Context(), container.PruneVolumesOptions{All: all, Labels: f.Pairs("label")})
		if err != nil {
			return err
		}
		out.VolumesDeleted, out.SpaceReclaimed = append(out.VolumesDeleted, res.Deleted...), uint64(max(res.Space, 0))
		return wire.OK(w, out)
	}
	list, err := s.Engine.Volumes(r.Context())
	if err != nil {
		return err
	}
	u, err := s.Store.DiskUsage(r.Context())
	if err != nil {
		return err
	}
	for _, v := range list {
		if len(v.Containers) > 0 || !all && !v.Anonymous || !f.Labels(v.Labels) {
			continue
		}
		switch err := s.Engine.RemoveVolume(r.Context(), v.Name); {
		case errors.Is(err, container.ErrInUse), errors.Is(err, container.ErrNotFound):
			continue
		case err != nil:
			return err
		}
		out.VolumesDeleted = append(out.VolumesDeleted, v.Name)
		for _, i := range u.Volumes.Items {
			if i.Name == v.Name {
				out.SpaceReclaimed += uint64(max(i.Size, 0))
			}
		}
	}
	slices.Sort(out.VolumesDeleted)
	return wire.OK(w, out)
}
