//go:build linux

package containers

import (
	"net/http"
	"strings"

	"github.com/caisson-dev/caisson/agent/internal/names"
	"github.com/caisson-dev/caisson/agent/internal/records"
	"github.com/caisson-dev/caisson/container"
	"github.com/caisson-dev/caisson/internal/api"
)

// emit tells all who follow the store's events what happened to a container. attrs are pairs of keys and values.
func (s *Service) emit(action container.EventAction, rec *records.Record, attrs ...string) {
	s.Emit(rec.Event(action, attrs...))
}

// Emit appends an event of any type.
func (s *Service) Emit(e container.Event) { s.Events.Emit(e) }

func (s *Service) emitAll(events []container.Event) {
	for _, e := range events {
		s.Emit(e)
	}
}

// emitNetwork tells of a network, and of the container that joins or leaves it.
func (s *Service) emitNetwork(action container.EventAction, name, id string) {
	s.Emit(records.NetworkEvent(action, name, id))
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
	return func(st container.State) { emit(container.EventExecDie, records.StateAttrs(st)...) }
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
