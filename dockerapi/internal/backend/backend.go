// Package backend is what all handlers of the API work with: the store, the engine, how containers are made, and the
// look-ups that answer with Docker's errors.
package backend

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"net/netip"
	"strings"

	"github.com/caisson-dev/caisson/container"
	"github.com/caisson-dev/caisson/dockerapi/internal/wire"
	"github.com/caisson-dev/caisson/dockerapi/shape"
	"github.com/caisson-dev/caisson/image"
)

// Backend is what the handlers work with.
type Backend struct {
	Store     *image.Store
	Engine    *container.Engine
	Detach    bool              // containers outlive this process
	PublishOn netip.Addr        // where ports are published that name no address
	Labels    map[string]string // that everything gets which is made
	Logger    *slog.Logger
}

// Labelled adds the labels that everything gets.
func (b *Backend) Labelled(labels map[string]string) map[string]string {
	if len(b.Labels) == 0 {
		return labels
	}
	out := maps.Clone(labels)
	if out == nil {
		out = map[string]string{}
	}
	maps.Copy(out, b.Labels)
	return out
}

// Container finds a container by its name, with a slash before it or not, its id or the beginning of that.
func (b *Backend) Container(ctx context.Context, ref string) (*container.Container, error) {
	c, err := b.Engine.Get(ctx, strings.TrimPrefix(ref, "/"))
	switch {
	case errors.Is(err, container.ErrNotFound):
		return nil, NoContainer(ref)
	case errors.Is(err, container.ErrAmbiguous):
		return nil, wire.BadRequest("Multiple IDs found with provided prefix: %s", ref)
	}
	return c, err
}

// NoContainer is Docker's error about a container that is not there.
func NoContainer(ref string) error { return wire.NotFound("No such container: %s", ref) }

// Inspect finds a container and describes it.
func (b *Backend) Inspect(ctx context.Context, ref string) (*container.Container, *container.Info, error) {
	c, err := b.Container(ctx, ref)
	if err != nil {
		return nil, nil, err
	}
	info, err := c.Inspect(ctx)
	if errors.Is(err, container.ErrNotFound) {
		return nil, nil, NoContainer(ref)
	}
	return c, info, err
}

// Image finds an image.
func (b *Backend) Image(ctx context.Context, ref string) (*image.Image, error) {
	img, err := b.Store.Get(ctx, ref)
	switch {
	case errors.Is(err, image.ErrNotFound):
		return nil, NoImage(ref)
	case errors.Is(err, image.ErrInvalidReference):
		return nil, wire.BadRequest("invalid reference format: %w", err)
	}
	return img, err
}

// NoImage is Docker's error about an image that is not there. Its name has a tag.
func NoImage(ref string) error {
	name := shape.Familiar(ref)
	if name == ref && !strings.ContainsAny(ref[strings.LastIndex(ref, "/")+1:], ":@") {
		name += ":latest"
	}
	return wire.NotFound("No such image: %s", name)
}

// Network finds a network by its name, its id or the beginning of that.
func (b *Backend) Network(ctx context.Context, ref string) (*container.NetworkInfo, error) {
	if ref == "default" {
		ref = string(container.NetworkDefault)
	}
	n, err := b.Engine.Network(ctx, ref)
	switch {
	case errors.Is(err, container.ErrNotFound):
		return nil, NoNetwork(ref)
	case errors.Is(err, container.ErrAmbiguous):
		return nil, wire.BadRequest("network %s is ambiguous", ref)
	}
	return n, err
}

// NoNetwork is Docker's error about a network that is not there.
func NoNetwork(ref string) error { return wire.NotFound("network %s not found", ref) }

// NoVolume is Docker's error about a volume that is not there.
func NoVolume(name string) error { return wire.NotFound("get %s: no such volume", name) }

// Surroundings are what descriptions of containers take from elsewhere.
func (b *Backend) Surroundings(ctx context.Context) (shape.Surroundings, error) {
	s := shape.Surroundings{Volumes: map[string]string{}, Networks: map[string]string{}}
	volumes, err := b.Engine.Volumes(ctx)
	if err != nil {
		return s, err
	}
	for _, v := range volumes {
		s.Volumes[v.Name] = v.Path
	}
	networks, err := b.Engine.Networks(ctx)
	if err != nil {
		return s, err
	}
	for _, n := range networks {
		s.Networks[n.Name] = n.ID
	}
	for _, n := range shape.Predefined() {
		s.Networks[n.Name] = n.ID
	}
	return s, nil
}
