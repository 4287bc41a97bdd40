//go:build linux

package containers

import (
	"net/http"
	"strconv"
	"strings"

	"github.com/caisson-dev/caisson/agent/internal/names"
	"github.com/caisson-dev/caisson/agent/internal/records"
	"github.com/caisson-dev/caisson/container"
	"github.com/caisson-dev/caisson/internal/api"
)

// emit tells all who follow the store's events what happened to a container. attrs are pairs of keys and values.
func (s *Service) emit(action container.EventAction, rec *records.Record, attrs ...string) {
	e := container.Event{
		Type: container.EventContainer, Action: action, ID: rec.ID, Name: rec.Name, Image: rec.Options.Image, Labels: rec.Labels(),
	}
	for i := 0; i+1 < len(attrs); i += 2 {
		if e.Attributes == nil {
			e.Attributes = map[string]string{}
		}
		e.Attributes[attrs[i]] = attrs[i+1]
	}
	s.Emit(e)
}

// Emit appends an event of any type.
func (s *Service) Emit(e container.Event) { s.Events.Emit(e) }

// emitNetwork tells of a network, and of the container that joins or leaves it.
func (s *Service) emitNetwork(action container.EventAction, name, id string) {
	e := container.Event{Type: container.EventNetwork, Action: action, ID: name}
	if id != "" {
		e.Attributes = map[string]string{"container": id}
	}
	s.Emit(e)
}

// emitEnd tells how a run ended.
func (s *Service) emitEnd(rec *records.Record, st container.State) {
	if st.OOMKilled {
		s.emit(container.EventOOM, rec)
	}
	s.emit(container.EventDie, rec, statusAttrs(st)...)
}

func statusAttrs(st container.State) []string {
	attrs := []string{"exitCode", strconv.Itoa(st.ExitCode)}
	if st.Signal != "" {
		attrs = append(attrs, "signal", st.Signal)
	}
	return attrs
}

// emitBegin tells of what a container joins and mounts, and that it runs.
func (s *Service) emitBegin(rec *records.Record) {
	for _, ep := range joined(rec) {
		s.emitNetwork(container.EventConnect, ep, rec.ID)
	}
	for _, m := range rec.Mounts {
		if m.Type == container.MountVolume {
			s.Emit(container.Event{Type: container.EventVolume, Action: container.EventMount, ID: m.Source, Attributes: map[string]string{
				"container": rec.ID, "destination": m.Target, "read/write": strconv.FormatBool(!m.ReadOnly),
			}})
		}
	}
	s.emit(container.EventStart, rec)
}

// emitLeft tells of what a container that ran has left.
func (s *Service) emitLeft(rec *records.Record) {
	for _, ep := range joined(rec) {
		s.emitNetwork(container.EventDisconnect, ep, rec.ID)
	}
	for _, m := range rec.Mounts {
		if m.Type == container.MountVolume {
			s.Emit(container.Event{Type: container.EventVolume, Action: container.EventUnmount, ID: m.Source, Attributes: map[string]string{"container": rec.ID}})
		}
	}
}

// joined are the networks that a container has of its own.
func joined(rec *records.Record) (names []string) {
	for _, ep := range endpoints(&rec.Options) {
		names = append(names, ep.Network)
	}
	return names
}

// emitExec tells of a command that was started in the container, and returns what tells of its end. The two have an id
// in common; the engine knows commands by none.
func (m *managed) emitExec(args []string) (ended func(container.State)) {
	const most = 4 << 10 // bytes: a script may be an argument
	command := strings.Join(args, " ")
	command = command[:min(len(command), most)]
	attrs := []string{"execID", names.NewID(), "command", strings.ToValidUTF8(command, "")}
	emit := func(a container.EventAction, more ...string) {
		m.mu.Lock()
		rec := *m.rec // its name may change
		m.mu.Unlock()
		m.s.emit(a, &rec, append(attrs, more...)...)
	}
	emit(container.EventExecCreate)
	emit(container.EventExec)
	return func(st container.State) { emit(container.EventExecDie, statusAttrs(st)...) }
}

// emitHealth tells of another state of health.
func (s *Service) emitHealth(rec *records.Record, st container.HealthStatus) {
	s.emit(container.EventHealth, rec, "health", string(st))
}

// created emits the creation of what f makes.
func (s *Service) created(f func(*http.Request, container.Options) (api.Created, error)) func(*http.Request, container.Options) (api.Created, error) {
	return func(r *http.Request, opts container.Options) (api.Created, error) {
		made, err := f(r, opts)
		if err == nil {
			s.emitCreate(made)
		}
		return made, err
	}
}

func (s *Service) emitCreate(made api.Created) {
	if rec, err := s.records.Record(made.ID); err == nil { // else it is gone again
		s.emit(container.EventCreate, rec)
	}
}
