// Package images answers the requests of Docker's API about images: those of the store, those of registries, and builds.
package images

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/distribution/reference"
	docker "github.com/moby/moby/api/types/image"

	"github.com/caisson-dev/caisson/container"
	"github.com/caisson-dev/caisson/dockerapi/internal/backend"
	"github.com/caisson-dev/caisson/dockerapi/internal/filters"
	"github.com/caisson-dev/caisson/dockerapi/internal/wire"
	"github.com/caisson-dev/caisson/dockerapi/shape"
	"github.com/caisson-dev/caisson/image"
)

// Service answers the requests.
type Service struct{ *backend.Backend }

// Routes registers the requests.
func Routes(t *wire.Router, b *backend.Backend) {
	s := &Service{b}
	t.Handle("GET /images/json", s.list)
	t.Handle("GET /images/search", s.search)
	t.Handle("GET /images/get", s.save)
	t.Handle("POST /images/load", s.load)
	t.Handle("POST /images/create", s.create)
	t.Handle("POST /images/prune", s.prune)
	t.Handle("GET /images/{name}/get", s.save)
	t.Handle("GET /images/{name}/history", s.history)
	t.Handle("GET /images/{name}/json", s.inspect)
	t.Handle("POST /images/{name}/push", s.push)
	t.Handle("POST /images/{name}/tag", s.tag)
	t.Handle("DELETE /images/{name}", s.remove)
	t.Handle("GET /distribution/{name}/json", s.distribution)
	t.Handle("POST /build", s.build)
	t.Handle("POST /build/prune", s.pruneCache)
	t.Handle("POST /build/cancel", s.cancel)
	for _, pattern := range []string{"POST /session", "POST /grpc"} {
		t.Handle(pattern, func(http.ResponseWriter, *wire.Request) error {
			return wire.NotImplemented("BuildKit's sessions are not supported by this engine: build with DOCKER_BUILDKIT=0")
		})
	}
}

func (s *Service) list(w http.ResponseWriter, r *wire.Request) error {
	f, err := filters.Parse(r.Query("filters"), "before", "dangling", "label", "label!", "reference", "since", "until")
	if err != nil {
		return err
	}
	if old := r.Query("filter"); old != "" && !r.Version.AtLeast(41) {
		f["reference"] = append(f["reference"], old)
	}
	dangling, err := f.Bool("dangling", false)
	if err != nil {
		return err
	}
	until, err := f.Until(time.Now())
	if err != nil {
		return err
	}
	o := image.ListOptions{All: r.Bool("all"), Dangling: dangling, References: f["reference"]}
	o.Filter = image.Filter{Until: until, Labels: f.Pairs("label"), NotLabels: f.Pairs("label!")}
	for name, to := range map[string]*string{"before": &o.Before, "since": &o.Since} {
		if v := f[name]; len(v) > 0 {
			*to = v[len(v)-1]
		}
	}
	list, err := s.Store.List(r.Context(), o)
	if errors.Is(err, image.ErrNotFound) {
		return backend.NoImage(o.Before + o.Since)
	}
	if err != nil {
		return err
	}
	out := []shape.ImageSummary{}
	for i := range list {
		if f.Has("dangling") && !dangling && len(list[i].Names) == 0 {
			continue
		}
		shared := int64(-1)
		if r.Bool("shared-size") {
			shared = list[i].Shared
		}
		item := shape.ListedImage(&list[i], -1, shared)
		item.RepoTags, item.RepoDigests = matching(item.RepoTags, f["reference"]), matching(item.RepoDigests, f["reference"])
		if !r.Version.AtLeast(44) {
			item.VirtualSize = item.Size
			if len(item.RepoTags) == 0 && len(item.RepoDigests) == 0 {
				item.RepoTags = []string{"<none>:<none>"}
				item.RepoDigests = []string{"<none>@<none>"}
			}
		}
		out = append(out, item)
	}
	return wire.OK(w, out)
}

// matching are the names that fit one of the patterns: a list by names has no others, as in Docker.
func matching(names, patterns []string) []string {
	if len(patterns) == 0 {
		return names
	}
	return slices.DeleteFunc(names, func(name string) bool {
		ref, err := reference.ParseNormalizedNamed(name)
		return err == nil && !slices.ContainsFunc(patterns, func(p string) bool {
			ok, err := reference.FamiliarMatch(p, ref)
			return ok && err == nil
		})
	})
}

func (s *Service) search(http.ResponseWriter, *wire.Request) error {
	return wire.NotImplemented("search is not supported by this engine: search in the registry's own pages")
}

func (s *Service) inspect(w http.ResponseWriter, r *wire.Request) error {
	img, err := s.Image(r.Context(), r.Name)
	if err != nil {
		return err
	}
	out := shape.InspectImage(img)
	if !r.Version.AtLeast(44) {
		out.VirtualSize = out.Size
	}
	return wire.OK(w, out)
}

func (s *Service) history(w http.ResponseWriter, r *wire.Request) error {
	img, err := s.Image(r.Context(), r.Name)
	if err != nil {
		return err
	}
	steps, err := s.Store.History(r.Context(), img.ID)
	if err != nil {
		return err
	}
	return wire.OK(w, shape.History(img, steps))
}

func (s *Service) tag(w http.ResponseWriter, r *wire.Request) error {
	name := r.Query("repo")
	if tag := r.Query("tag"); tag != "" {
		name += ":" + tag
	}
	img, err := s.Image(r.Context(), r.Name)
	if err != nil {
		return err
	}
	switch err := s.Store.Tag(r.Context(), img.ID, name); {
	case errors.Is(err, image.ErrInvalidReference):
		return wire.BadRequest("invalid reference format: %w", err)
	case err != nil:
		return err
	}
	return wire.Empty(w, http.StatusCreated)
}

func (s *Service) remove(w http.ResponseWriter, r *wire.Request) error {
	force := r.Bool("force")
	res, err := s.Store.Remove(r.Context(), r.Name, image.RemoveOptions{Force: force})
	switch {
	case errors.Is(err, image.ErrNotFound):
		return backend.NoImage(r.Name)
	case errors.Is(err, image.ErrInvalidReference):
		return wire.BadRequest("invalid reference format: %w", err)
	case errors.Is(err, image.ErrInUse):
		return s.inUse(r.Context(), r.Name, err)
	case err != nil:
		return err
	}
	out := []docker.DeleteResponse{}
	for _, n := range res.Untagged {
		out = append(out, docker.DeleteResponse{Untagged: shape.Familiar(n)})
	}
	for _, id := range res.Deleted {
		out = append(out, docker.DeleteResponse{Deleted: id})
	}
	return wire.OK(w, out)
}

// inUse has Docker's texts of why an image stays.
func (s *Service) inUse(ctx context.Context, ref string, err error) error {
	img, gerr := s.Store.Get(ctx, ref)
	if gerr != nil {
		return wire.Conflict("conflict: %w", err)
	}
	byID := strings.HasPrefix(strings.TrimPrefix(img.ID, "sha256:"), strings.TrimPrefix(ref, "sha256:"))
	list, lerr := s.Engine.List(ctx, container.ListOptions{All: true, Images: []string{img.ID}})
	if lerr != nil || len(list) == 0 {
		return wire.Conflict("conflict: unable to delete %s (must be forced) - image is referenced in multiple repositories", shape.ShortID(img.ID))
	}
	running := slices.IndexFunc(list, func(i container.Info) bool { return shape.Running(i.State.Status) })
	switch {
	case byID && running >= 0:
		return wire.Conflict("conflict: unable to delete %s (cannot be forced) - image is being used by running container %s", shape.ShortID(img.ID), shape.ShortID(list[running].ID))
	case byID:
		return wire.Conflict("conflict: unable to delete %s (must be forced) - image is being used by stopped container %s", shape.ShortID(img.ID), shape.ShortID(list[0].ID))
	}
	return wire.Conflict("conflict: unable to remove repository reference %q (must force) - container %s is using its referenced image %s", ref, shape.ShortID(list[0].ID), shape.ShortID(img.ID))
}

func (s *Service) prune(w http.ResponseWriter, r *wire.Request) error {
	f, err := filters.Parse(r.Query("filters"), "dangling", "label", "label!", "until")
	if err != nil {
		return err
	}
	dangling, err := f.Bool("dangling", true)
	if err != nil {
		return err
	}
	until, err := f.Until(time.Now())
	if err != nil {
		return err
	}
	o := image.PruneOptions{All: !dangling, Filter: image.Filter{Until: until, Labels: f.Pairs("label"), NotLabels: f.Pairs("label!")}}
	res, err := s.Store.Prune(r.Context(), o)
	if err != nil {
		return err
	}
	out := docker.PruneReport{ImagesDeleted: []docker.DeleteResponse{}, SpaceReclaimed: uint64(max(res.Space, 0))}
	for _, id := range res.Deleted {
		out.ImagesDeleted = append(out.ImagesDeleted, docker.DeleteResponse{Deleted: id})
	}
	return wire.OK(w, out)
}
