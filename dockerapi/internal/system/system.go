// Package system answers the requests of Docker's API about the engine as a whole: what it is and has, what happens in it,
// logins, and what Docker has in a swarm or by plugins.
package system

import (
	"net/http"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/moby/moby/api/types/system"

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
	t.Handle("GET /_ping", s.ping)
	t.Handle("HEAD /_ping", s.ping)
	t.Handle("GET /version", s.version)
	t.Handle("GET /info", s.info)
	t.Handle("GET /events", s.events)
	t.Handle("GET /system/df", s.diskUsage)
	t.Handle("POST /auth", s.auth)
	swarmless(t)
}

// Headers are those of every answer.
func Headers() map[string]string {
	return map[string]string{
		"Api-Version": wire.MaxVersion.String(), "Docker-Experimental": "false", "Ostype": "linux",
		"Server": "Docker/" + shape.ServerVersion + " (caisson)",
	}
}

func (s *Service) ping(w http.ResponseWriter, r *wire.Request) error {
	h := w.Header()
	h.Set("Builder-Version", "1")
	h.Set("Swarm", "inactive")
	h.Set("Cache-Control", "no-cache, no-store, must-revalidate")
	h.Set("Pragma", "no-cache")
	h.Set("Content-Type", "text/plain; charset=utf-8")
	if r.Method == http.MethodHead {
		h.Set("Content-Length", "0")
		w.WriteHeader(http.StatusOK)
		return nil
	}
	_, err := w.Write([]byte("OK"))
	return err
}

func (s *Service) version(w http.ResponseWriter, r *wire.Request) error {
	h, err := s.Engine.Host(r.Context())
	if err != nil {
		return err
	}
	v := system.VersionResponse{
		Platform: system.PlatformInfo{Name: "caisson"}, Version: shape.ServerVersion, APIVersion: wire.MaxVersion.String(),
		MinAPIVersion: wire.MinVersion.String(), Os: "linux", Arch: h.Arch, GitCommit: h.Version, GoVersion: runtime.Version(), KernelVersion: h.Kernel,
	}
	v.Components = []system.ComponentVersion{
		{Name: "Engine", Version: v.Version, Details: map[string]string{
			"ApiVersion": v.APIVersion, "Arch": v.Arch, "GitCommit": v.GitCommit, "GoVersion": v.GoVersion, "KernelVersion": v.KernelVersion,
			"MinAPIVersion": v.MinAPIVersion, "Os": v.Os, "Experimental": "false", "BuildTime": "",
		}},
		{Name: "caisson", Version: h.Version},
	}
	return wire.OK(w, v)
}

func (s *Service) info(w http.ResponseWriter, r *wire.Request) error {
	h, err := s.Engine.Host(r.Context())
	if err != nil {
		return err
	}
	list, err := s.Engine.List(r.Context(), container.ListOptions{All: true})
	if err != nil {
		return err
	}
	images, err := s.Store.List(r.Context(), image.ListOptions{})
	if err != nil {
		return err
	}
	return wire.OK(w, shape.Info(h, list, len(images), s.Store.Root(), time.Now()))
}

var eventFilters = []string{
	"config", "container", "daemon", "event", "image", "label", "network", "node", "plugin", "scope", "secret", "service", "type", "volume",
}

func (s *Service) events(w http.ResponseWriter, r *wire.Request) error {
	f, err := filters.Parse(r.Query("filters"), eventFilters...)
	if err != nil {
		return err
	}
	var o container.EventsOptions
	now := time.Now()
	if o.Since, err = filters.Moment(r.Query("since"), now); err != nil {
		return err
	}
	if o.Until, err = filters.Moment(r.Query("until"), now); err != nil {
		return err
	}
	if !o.Since.IsZero() && !o.Until.IsZero() && o.Until.Before(o.Since) {
		return wire.BadRequest("`since` time (%s) cannot be after `until` time (%s)", r.Query("since"), r.Query("until"))
	}
	if o.Since.IsZero() && o.Until.IsZero() {
		o.Since = now // what happens from this request on, also before the loop below begins
	}
	w.Header().Set("Content-Type", "application/json")
	out := wire.NewJSONStream(wire.Flushed(w))
	ids := map[string]string{} // of networks, also of those that are removed meanwhile
	if around, err := s.Surroundings(r.Context()); err == nil {
		ids = around.Networks
	}
	for e, err := range s.Engine.Events(r.Context(), o) {
		if err != nil {
			return err
		}
		ev := shape.EventOf(e, func(name string) string { return s.networkID(r, ids, name, e.Action) })
		if !eventFits(f, ev, e) {
			continue
		}
		if err := out.Send(ev); err != nil {
			return err
		}
	}
	return nil
}

// networkID looks a network up that may be new, or new under an old name.
func (s *Service) networkID(r *wire.Request, ids map[string]string, name string, action container.EventAction) string {
	if ids[name] == "" || action == container.EventCreate {
		if n, err := s.Engine.Network(r.Context(), name); err == nil {
			ids[name] = n.ID
		}
	}
	if ids[name] == "" {
		return name
	}
	return ids[name]
}

// eventFits says whether one fits the filters. Other than by type, a thing is named by its name or its id.
func eventFits(f filters.Filters, ev shape.Event, e container.Event) bool {
	about := func(kind container.EventType) func(string) bool {
		return func(v string) bool {
			id := strings.TrimPrefix(ev.Actor.ID, "sha256:")
			return e.Type == kind && v != "" && (strings.TrimPrefix(v, "/") == ev.Actor.Attributes["name"] || v == e.ID ||
				kind == container.EventImage && shape.Familiar(v) == ev.Actor.Attributes["name"] || strings.HasPrefix(id, strings.TrimPrefix(v, "sha256:")))
		}
	}
	image := func(v string) bool {
		return about(container.EventImage)(v) || e.Image != "" && (shape.Familiar(e.Image) == shape.Familiar(v) || strings.HasPrefix(shape.Familiar(e.Image), v+":"))
	}
	act := func(v string) bool {
		action := string(ev.Action)
		head, _, _ := strings.Cut(action, ":")
		return v == action || v == head
	}
	return f.Equal("type", string(ev.Type)) && f.Any("event", act) && f.Any("container", about(container.EventContainer)) &&
		f.Any("volume", about(container.EventVolume)) && f.Any("network", about(container.EventNetwork)) && f.Any("image", image) &&
		f.Labels(ev.Actor.Attributes) && f.Equal("scope", "local") &&
		!slices.ContainsFunc([]string{"config", "daemon", "node", "plugin", "secret", "service"}, f.Has)
}
