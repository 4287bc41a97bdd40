package containers

import (
	"context"
	"errors"
	"maps"
	"net/http"
	"net/netip"
	"regexp"
	"slices"
	"strings"

	docker "github.com/moby/moby/api/types/container"

	"github.com/caisson-dev/caisson/container"
	"github.com/caisson-dev/caisson/dockerapi/internal/wire"
	"github.com/caisson-dev/caisson/dockerapi/request"
)

// validName is what Docker takes as a name. The library wants two characters at least.
var validName = regexp.MustCompile(`^/?[a-zA-Z0-9][a-zA-Z0-9_.-]+$`)

func (s *Service) create(w http.ResponseWriter, r *wire.Request) error {
	var in request.Create
	if err := r.Decode(&in, false); err != nil {
		return err
	}
	name := r.Query("name")
	if name != "" && !validName.MatchString(name) {
		return wire.BadRequest("Invalid container name (%s), only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed", strings.TrimPrefix(name, "/"))
	}
	if in.Image == "" {
		return wire.BadRequest("no image specified")
	}
	ctx := r.Context()
	img, err := s.Image(ctx, in.Image)
	if err != nil {
		return err
	}
	if p := r.Query("platform"); p != "" && !fits(p, img.OS, img.Arch, img.Variant) {
		return wire.NotFound("image with reference %s was found but its platform (%s/%s) does not match the specified platform (%s)", in.Image, img.OS, img.Arch, p)
	}
	wanted, err := in.Options(name, request.Known{
		Image: img.Config, PublishOn: s.PublishOn,
		Network: func(ref string) (string, error) { return s.networkName(ctx, ref) },
		Mounts:  func(ref string) ([]container.Mount, error) { return s.mountsOf(ctx, ref) },
		Address: func(ref string) (netip.Addr, error) { return s.addressOf(ctx, ref) },
	})
	if err != nil {
		return err
	}
	wanted.Options.Detach = s.Detach
	wanted.Options.Labels = s.Labelled(wanted.Options.Labels)
	for _, v := range wanted.Volumes {
		v.Labels = s.Labelled(v.Labels)
		if _, err := s.Engine.CreateVolume(ctx, v); err != nil {
			return err
		}
	}
	if err := s.labelVolumes(ctx, wanted.Options.Mounts); err != nil {
		return err
	}
	c, err := s.Engine.Create(ctx, wanted.Options)
	if err != nil {
		return s.createError(ctx, wanted.Options.Name, err)
	}
	wire.Reply(w, http.StatusCreated, docker.CreateResponse{ID: c.ID(), Warnings: wanted.Warnings})
	return nil
}

// labelVolumes makes the volumes that the container would make, where all that is made gets labels.
func (s *Service) labelVolumes(ctx context.Context, mounts []container.Mount) error {
	if len(s.Labels) == 0 {
		return nil
	}
	for _, m := range mounts {
		if m.Type != container.MountVolume || m.Source == "" {
			continue
		}
		if _, err := s.Engine.CreateVolume(ctx, container.VolumeOptions{Name: m.Source, Labels: maps.Clone(s.Labels)}); err != nil {
			return err
		}
	}
	return nil
}

// createError has the text that clients match of a name that is taken.
func (s *Service) createError(ctx context.Context, name string, err error) error {
	if errors.Is(err, container.ErrNameInUse) {
		return s.nameTaken(ctx, name)
	}
	return err
}

func (s *Service) nameTaken(ctx context.Context, name string) error {
	name = strings.TrimPrefix(name, "/")
	id := "unknown"
	if other, err := s.Engine.Get(ctx, name); err == nil {
		id = other.ID()
	}
	return wire.Conflict("Conflict. The container name %q is already in use by container %q. You have to remove (or rename) that container to be able to reuse that name.", "/"+name, id)
}

// fits says whether an image is for a platform, OS[/ARCHITECTURE[/VARIANT]].
func fits(platform, os, arch, variant string) bool {
	parts := strings.Split(platform, "/")
	is := []string{os, arch, variant}
	if len(parts) > len(is) {
		return false
	}
	if len(parts) == 1 && slices.Contains([]string{"amd64", "arm64", "386", "arm"}, parts[0]) {
		return parts[0] == arch
	}
	for i, p := range parts {
		if p != "" && is[i] != "" && p != is[i] {
			return false
		}
	}
	return true
}

func (s *Service) networkName(ctx context.Context, ref string) (string, error) {
	n, err := s.Network(ctx, ref)
	if err != nil {
		return "", err
	}
	return n.Name, nil
}

func (s *Service) mountsOf(ctx context.Context, ref string) ([]container.Mount, error) {
	_, info, err := s.Inspect(ctx, ref)
	if err != nil {
		return nil, err
	}
	return info.Mounts, nil
}

func (s *Service) addressOf(ctx context.Context, ref string) (netip.Addr, error) {
	_, info, err := s.Inspect(ctx, ref)
	if err != nil {
		return netip.Addr{}, wire.BadRequest("could not get container for %s: %w", ref, err)
	}
	for _, n := range info.Networks {
		if n.IPv4.IsValid() {
			return n.IPv4.Addr(), nil
		}
	}
	return netip.Addr{}, wire.Conflict("Cannot link to a non running container: /%s", info.Name)
}
