// Package networks answers the requests of Docker's API about networks.
package networks

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/moby/moby/api/types/network"

	"github.com/caisson-dev/caisson/container"
	"github.com/caisson-dev/caisson/dockerapi/internal/backend"
	"github.com/caisson-dev/caisson/dockerapi/internal/filters"
	"github.com/caisson-dev/caisson/dockerapi/internal/wire"
	"github.com/caisson-dev/caisson/dockerapi/request"
	"github.com/caisson-dev/caisson/dockerapi/shape"
)

// Service answers the requests.
type Service struct{ *backend.Backend }

// Routes registers the requests.
func Routes(t *wire.Router, b *backend.Backend) {
	s := &Service{b}
	t.Handle("GET /networks", s.list)
	t.Handle("GET /networks/", s.list)
	t.Handle("POST /networks/create", s.create)
	t.Handle("POST /networks/prune", s.prune)
	t.Handle("GET /networks/{name}", s.inspect)
	t.Handle("POST /networks/{name}/connect", s.connect)
	t.Handle("POST /networks/{name}/disconnect", s.disconnect)
	t.Handle("DELETE /networks/{name}", s.remove)
}

func (s *Service) list(w http.ResponseWriter, r *wire.Request) error {
	f, err := filters.Parse(r.Query("filters"), "dangling", "driver", "id", "label", "name", "scope", "type", "idOrName")
	if err != nil {
		return err
	}
	if _, err := f.Bool("dangling", false); err != nil {
		return err
	}
	for _, v := range f["type"] {
		if v != "custom" && v != "builtin" {
			return wire.BadRequest("invalid filter: 'type'='%s'", v)
		}
	}
	nets, err := s.Engine.Networks(r.Context())
	if err != nil {
		return err
	}
	out := shape.Predefined()
	for i := range nets {
		out = append(out, shape.Network(&nets[i], nil))
	}
	out = slices.DeleteFunc(out, func(n network.Inspect) bool { return !networkFits(f, n) })
	summaries := []network.Summary{}
	for _, n := range out {
		summaries = append(summaries, network.Summary{Network: n.Network})
	}
	if !r.Version.AtLeast(28) { // which had the containers too
		return wire.OK(w, out)
	}
	return wire.OK(w, summaries)
}

func predefined(name string) bool {
	return slices.Contains([]string{"bridge", "host", "none"}, name)
}

func networkFits(f filters.Filters, n network.Inspect) bool {
	kind := "custom"
	if predefined(n.Name) {
		kind = "builtin"
	}
	dangling, _ := f.Bool("dangling", false) // it was looked at
	is := kind == "custom" && len(n.Containers) == 0
	return f.Match("name", n.Name) && f.Match("id", n.ID) && f.Equal("driver", n.Driver) && f.Equal("scope", n.Scope) && f.Equal("type", kind) &&
		f.Labels(n.Labels) && (!f.Has("dangling") || dangling == is) &&
		f.Any("idOrName", func(v string) bool { return v == n.Name || strings.HasPrefix(n.ID, v) })
}

func (s *Service) inspect(w http.ResponseWriter, r *wire.Request) error {
	if scope := r.Query("scope"); scope != "" && scope != "local" {
		return backend.NoNetwork(r.Name)
	}
	for _, n := range shape.Predefined() {
		if r.Name == n.Name || len(r.Name) > 4 && strings.HasPrefix(n.ID, r.Name) {
			return wire.OK(w, n)
		}
	}
	n, err := s.Network(r.Context(), r.Name)
	if err != nil {
		return err
	}
	places := map[string]container.EndpointInfo{}
	for id := range n.Containers {
		info, err := s.describe(r.Context(), id)
		if err != nil {
			return err
		}
		if info == nil {
			continue
		}
		for _, p := range info.Networks {
			if p.Network == n.Name {
				places[id] = p
			}
		}
	}
	return wire.OK(w, shape.Network(n, places))
}

// describe is nil for a container that has just gone.
func (s *Service) describe(ctx context.Context, id string) (*container.Info, error) {
	c, err := s.Engine.Get(ctx, id)
	if err == nil {
		var info *container.Info
		if info, err = c.Inspect(ctx); err == nil {
			return info, nil
		}
	}
	if errors.Is(err, container.ErrNotFound) {
		return nil, nil
	}
	return nil, err
}

func (s *Service) create(w http.ResponseWriter, r *wire.Request) error {
	var in network.CreateRequest
	if err := r.Decode(&in, false); err != nil {
		return err
	}
	o, err := request.Network(in)
	if _, ok := errors.AsType[*request.Forbidden](err); ok {
		return wire.Errorf(http.StatusForbidden, "%w", err)
	}
	if _, ok := errors.AsType[*request.Missing](err); ok {
		return wire.NotFound("%w", err)
	}
	if err != nil {
		return err
	}
	o.Labels = s.Labelled(o.Labels)
	n, err := s.Engine.CreateNetwork(r.Context(), o)
	switch {
	case errors.Is(err, container.ErrNameInUse):
		return wire.Conflict("network with name %s already exists", in.Name)
	case err != nil && strings.Contains(err.Error(), "overlap"):
		return wire.Errorf(http.StatusForbidden, "invalid pool request: Pool overlaps with other one on this address space: %w", err)
	case err != nil:
		return err
	}
	wire.Reply(w, http.StatusCreated, network.CreateResponse{ID: n.ID})
	return nil
}

func (s *Service) remove(w http.ResponseWriter, r *wire.Request) error {
	for _, n := range shape.Predefined() {
		if r.Name == n.Name || r.Name == n.ID {
			return wire.Errorf(http.StatusForbidden, "%s is a pre-defined network and cannot be removed", n.Name)
		}
	}
	n, err := s.Network(r.Context(), r.Name)
	if err != nil {
		return err
	}
	if predefined(n.Name) {
		return wire.Errorf(http.StatusForbidden, "%s is a pre-defined network and cannot be removed", n.Name)
	}
	// Containers that do not run do not keep a network from going in Docker, and here they do: take them off it.
	if len(n.Containers) == 0 {
		if err := s.release(r.Context(), n.Name); err != nil {
			return err
		}
	}
	switch err := s.Engine.RemoveNetwork(r.Context(), n.Name); {
	case errors.Is(err, container.ErrInUse):
		return wire.Errorf(http.StatusForbidden, "error while removing network: network %s has active endpoints: %w", n.Name, err)
	case errors.Is(err, container.ErrNotFound):
		return backend.NoNetwork(r.Name)
	case err != nil:
		return err
	}
	return wire.Empty(w, http.StatusNoContent)
}

// release takes containers that do not run off a network.
func (s *Service) release(ctx context.Context, name string) error {
	list, err := s.Engine.List(ctx, container.ListOptions{All: true, Networks: []string{name}})
	if err != nil {
		return err
	}
	for _, i := range list {
		if shape.Running(i.State.Status) {
			continue
		}
		c, err := s.Engine.Get(ctx, i.ID)
		if err == nil {
			err = c.Disconnect(ctx, name)
		}
		if err != nil && !errors.Is(err, container.ErrNotFound) {
			return err
		}
	}
	return nil
}

func (s *Service) connect(w http.ResponseWriter, r *wire.Request) error {
	var in network.ConnectRequest
	if err := r.Decode(&in, false); err != nil {
		return err
	}
	n, err := s.Network(r.Context(), r.Name)
	if err != nil {
		return err
	}
	c, info, err := s.Inspect(r.Context(), in.Container)
	if err != nil {
		return err
	}
	e, err := request.Endpoint(n.Name, in.EndpointConfig)
	if err != nil {
		return err
	}
	switch err := c.Connect(r.Context(), e); {
	case errors.Is(err, container.ErrInUse):
		return wire.Errorf(http.StatusForbidden, "endpoint with name %s already exists in network %s", info.Name, n.Name)
	case errors.Is(err, container.ErrNotFound):
		return backend.NoContainer(in.Container)
	case err != nil:
		return err
	}
	return wire.Empty(w, http.StatusOK)
}

func (s *Service) disconnect(w http.ResponseWriter, r *wire.Request) error {
	var in network.DisconnectRequest
	if err := r.Decode(&in, false); err != nil {
		return err
	}
	n, err := s.Network(r.Context(), r.Name)
	if err != nil {
		return err
	}
	c, err := s.Container(r.Context(), in.Container)
	if err != nil {
		return err
	}
	switch err := c.Disconnect(r.Context(), n.Name); {
	case errors.Is(err, container.ErrNotFound):
		return wire.Errorf(http.StatusForbidden, "container %s is not connected to network %s", c.ID(), n.Name)
	case err != nil:
		return err
	}
	return wire.Empty(w, http.StatusOK)
}

// prune removes the networks that no container runs on.
func (s *Service) prune(w http.ResponseWriter, r *wire.Request) error {
	f, err := filters.Parse(r.Query("filters"), "label", "label!", "until")
	if err != nil {
		return err
	}
	until, err := f.Until(time.Now())
	if err != nil {
		return err
	}
	list, err := s.Engine.Networks(r.Context())
	if err != nil {
		return err
	}
	out := network.PruneReport{NetworksDeleted: []string{}}
	for _, n := range list {
		if predefined(n.Name) || len(n.Containers) > 0 || !until.IsZero() && n.Created.After(until) || !f.Labels(n.Labels) {
			continue
		}
		switch err := s.Engine.RemoveNetwork(r.Context(), n.Name); {
		case errors.Is(err, container.ErrInUse), errors.Is(err, container.ErrNotFound):
		case err != nil:
			return err
		default:
			out.NetworksDeleted = append(out.NetworksDeleted, n.Name)
		}
	}
	return wire.OK(w, out)
}
