// Package selection says which containers a list has. It is pure: it imports nothing that reads files or starts processes.
package selection

import (
	"slices"
	"strings"
	"time"

	"github.com/caisson-dev/caisson/agent/internal/names"
	"github.com/caisson-dev/caisson/container"
	"github.com/caisson-dev/caisson/internal/api"
)

// Selection is ListOptions with the times of the containers that Before and Since name; zero is none. Images are the
// caller's.
type Selection struct {
	container.ListOptions
	CreatedBefore, CreatedSince time.Time
}

// live are the statuses of containers that a list has without All.
var live = []container.Status{container.StatusRunning, container.StatusPaused, container.StatusRestarting, container.StatusRemoving}

// Check refuses statuses that there are not.
func (sel *Selection) Check() error {
	states := slices.Concat([]container.Status{container.StatusCreated}, live, []container.Status{container.StatusExited, container.StatusDamaged})
	for _, st := range sel.Statuses {
		if !slices.Contains(states, st) {
			return api.Errorf(api.ErrInvalidArgument, "ListOptions.Statuses %q: it must be one of %s", st, join(states))
		}
	}
	healths := []container.HealthStatus{container.HealthStarting, container.HealthHealthy, container.HealthUnhealthy}
	for _, h := range sel.Health {
		if !slices.Contains(healths, h) {
			return api.Errorf(api.ErrInvalidArgument, "ListOptions.Health %q: it must be one of %s", h, join(healths))
		}
	}
	return nil
}

func join[T ~string](values []T) string {
	words := make([]string, len(values))
	for i, v := range values {
		words[i] = string(v)
	}
	return strings.Join(words, ", ")
}

// Fits says whether a container is among those that are wanted, whatever image it is of.
func (sel *Selection) Fits(info *container.Info) bool {
	switch {
	case !sel.All && len(sel.Statuses) == 0 && len(sel.ExitCodes) == 0 && !slices.Contains(live, info.State.Status),
		!one(sel.IDs, func(id string) bool { return strings.HasPrefix(info.ID, id) }),
		!one(sel.Names, func(part string) bool { return strings.Contains(info.Name, part) }),
		!names.Labelled(Labels(info), sel.Labels),
		!one(sel.Statuses, func(st container.Status) bool { return info.State.Status == st }),
		!one(sel.ExitCodes, func(code int) bool { return info.State.Status == container.StatusExited && info.State.ExitCode == code }),
		!one(sel.Health, func(h container.HealthStatus) bool { return info.Health != nil && info.Health.Status == h }),
		!one(sel.Networks, func(n string) bool { return slices.Contains(networksOf(info), n) }),
		!one(sel.Volumes, func(v string) bool { return mountsVolume(info, v) }),
		!sel.CreatedBefore.IsZero() && !info.Created.Before(sel.CreatedBefore),
		!sel.CreatedSince.IsZero() && !info.Created.After(sel.CreatedSince):
		return false
	}
	return true
}

// one says whether any of the values fits; none given fit all.
func one[T any](values []T, fits func(T) bool) bool {
	return len(values) == 0 || slices.ContainsFunc(values, fits)
}

// Labels are a container's labels with those of its image.
func Labels(info *container.Info) map[string]string {
	if info.Labels == nil {
		return info.Options.Labels
	}
	return info.Labels
}

// networksOf are the networks that a container is on, or that it would join.
func networksOf(info *container.Info) []string {
	var names []string
	for _, ep := range info.Networks {
		names = append(names, ep.Network)
	}
	for _, ep := range info.Options.Networking.Endpoints {
		names = append(names, ep.Network)
	}
	if len(info.Options.Networking.Endpoints) > 0 {
		return names
	}
	if info.Options.Network == "" {
		return append(names, string(container.NetworkDefault))
	}
	return append(names, string(info.Options.Network))
}

func mountsVolume(info *container.Info, nameOrTarget string) bool {
	return slices.ContainsFunc(info.Mounts, func(m container.Mount) bool {
		return m.Target == nameOrTarget || m.Type == container.MountVolume && m.Source == nameOrTarget
	})
}
