//go:build linux

package network

import (
	"context"
	"errors"
	"fmt"

	"github.com/caisson-dev/caisson/agent/internal/network/plan"
)

// Detach takes the interface away from the container, which may be running, and frees its addresses. Its
// connections end. It takes tens of milliseconds, as the kernel waits for packets under way; when the
// container's namespace is about to go anyway, use Release.
func (e *Endpoint) Detach(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := e.n.seg.delLink(e.rec.Link); err != nil {
		return e.n.wrap(e.rec.Name, "detach", err)
	}
	return e.Release(ctx)
}

// Release frees the endpoint's name and addresses and leaves the interface to end with the container's
// namespace. Releasing twice is harmless.
func (e *Endpoint) Release(context.Context) error {
	if err := e.unreserve(); err != nil {
		return e.n.wrap(e.rec.Name, "release", err)
	}
	e.n.forget(e.rec)
	return nil
}

func (e *Endpoint) unreserve() error {
	err := e.n.state.update(func(r *plan.Record) error {
		if r.Remove(func(other plan.EndpointRecord) bool { return other.ID == e.rec.ID }) == 0 {
			return errUnchanged
		}
		return nil
	})
	if err == errUnchanged || errors.Is(err, ErrNotFound) {
		return nil
	}
	return err
}

// Rename changes the endpoint's name and aliases, for a container that is renamed while it runs.
func (e *Endpoint) Rename(name string, aliases []string) error {
	return e.n.state.update(func(r *plan.Record) error {
		for i := range r.Endpoints {
			if r.Endpoints[i].ID == e.rec.ID {
				r.Endpoints[i].Name, r.Endpoints[i].Aliases = name, aliases
				return nil
			}
		}
		return fmt.Errorf("rename endpoint %s: %w", e.rec.Name, ErrNotFound)
	})
}
