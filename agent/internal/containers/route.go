//go:build linux

package containers

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"os"
	"time"

	"github.com/caisson-dev/caisson/agent/internal/names"
	"github.com/caisson-dev/caisson/agent/internal/records"
	"github.com/caisson-dev/caisson/agent/internal/wire"
	"github.com/caisson-dev/caisson/container"
	"github.com/caisson-dev/caisson/internal/api"
	"github.com/caisson-dev/caisson/internal/flock"
	"github.com/caisson-dev/caisson/internal/unixsock"
)

// managing serves a request that needs the container's manager, and makes this agent, or for a detached container a
// new one, the manager if it has none.
func (s *Service) managing(h http.HandlerFunc) http.HandlerFunc {
	return s.route(func(st *records.State) bool { return true }, h)
}

// running serves a request that needs the manager only while the container runs; h answers that it does not.
func (s *Service) running(h http.HandlerFunc) http.HandlerFunc {
	return s.route(func(st *records.State) bool { return live(st.State.Status) }, h)
}

// settled is as running, for requests that also make sense of a container that does not run.
func (s *Service) settled(h http.HandlerFunc) http.HandlerFunc { return s.running(h) }

// unsettled serves a request that waits for a run that is, or that is to come.
func (s *Service) unsettled(h http.HandlerFunc) http.HandlerFunc {
	return s.route(func(st *records.State) bool { return st.State.Status != container.StatusExited }, h)
}

func live(st container.Status) bool {
	return st == container.StatusRunning || st == container.StatusPaused || st == container.StatusRestarting || st == container.StatusRemoving
}

// route brings a request to where it can be served: here, or to the manager, if another agent is.
func (s *Service) route(needsManager func(*records.State) bool, h http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		id := r.PathValue("id")
		body, err := io.ReadAll(io.LimitReader(r.Body, maxBody))
		if err != nil {
			wire.Fail(w, err)
			return
		}
		for try := 0; ; try++ {
			r.Body = io.NopCloser(bytes.NewReader(body))
			target, err := s.find(r.Context(), id, needsManager)
			if err != nil {
				// A late Wait for an auto-removed container is answered from memory.
				if _, ok := s.remembered(id); !ok || !errors.Is(err, api.ErrNotFound) {
					wire.Fail(w, err)
					return
				}
				target = ""
			}
			if target == "" {
				h(w, r)
				return
			}
			gone := func(err error) error {
				return api.Errorf(api.ErrAgentGone, "the agent of container %s is gone: %w", names.Short(id), err)
			}
			if !wire.Forward(w, r, target, try < 5, gone) {
				return
			}
		}
	}
}

// maxBody bounds a request's body, in bytes: options, not data.
const maxBody = 16 << 20

// find returns the socket of the agent that manages the container, or nothing if the request is to be served here.
func (s *Service) find(ctx context.Context, id string, needsManager func(*records.State) bool) (string, error) {
	if s.mine(id) != nil {
		return "", nil
	}
	st, err := s.records.State(id)
	if err == nil && s.elsewhere(ctx, st) {
		return st.Manager, nil
	}
	if why := s.damage(id, err); why != nil {
		if needsManager(&records.State{State: container.State{Status: container.StatusDamaged}}) {
			return "", why
		}
		return "", nil // to remove it, or to hear of the damage
	}
	if err != nil {
		return "", err
	}
	if st.Manager == "" && !needsManager(st) && !live(st.State.Status) {
		return "", nil
	}
	lock, err := s.lockUnmanaged(ctx, id)
	if lock == nil {
		if err == nil {
			return s.find(ctx, id, needsManager) // a manager has come to be meanwhile
		}
		return "", err
	}
	// The manager may have changed while this agent waited for the lock.
	if st, err = s.records.State(id); err != nil {
		lock.Unlock()
		return "", err
	}
	if st.Manager != "" || live(st.State.Status) {
		if err := s.recover(ctx, id, st); err != nil { // it died
			lock.Unlock()
			return "", err
		}
		if st, err = s.records.State(id); err != nil || !needsManager(st) {
			lock.Unlock()
			return "", err
		}
	}
	return s.appoint(ctx, id, st, lock)
}

// appoint makes a manager for a container that has none. It takes the lock over.
func (s *Service) appoint(ctx context.Context, id string, st *records.State, lock *flock.Lock) (string, error) {
	rec, err := s.records.Record(id)
	if err != nil {
		lock.Unlock()
		return "", err
	}
	if rec.Options.Detach && s.Only != id {
		defer lock.Unlock()
		return s.detach(ctx, id, lock.File())
	}
	m := newManaged(s, rec, st, lock)
	if err := m.manage(); err != nil {
		lock.Unlock()
		return "", err
	}
	return "", s.add(m)
}

// detach starts an agent for a detached container. One that is killed before it has done anything is replaced.
func (s *Service) detach(ctx context.Context, id string, lock *os.File) (socket string, err error) {
	for range 3 {
		if socket, err = s.Detach(ctx, id, lock); !errors.Is(err, api.ErrAgentGone) {
			break
		}
	}
	return socket, err
}

// lock takes the container's lock from an agent that is about to let go of it, or is dead.
func (s *Service) lock(ctx context.Context, id string) (*flock.Lock, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, 10*time.Second, errBusy)
	defer cancel()
	if !s.records.Exists(id) {
		return nil, records.NotFound(id)
	}
	lock, err := flock.Acquire(ctx, s.records.Path(id, "lock"), flock.Exclusive)
	if err != nil {
		if !s.records.Exists(id) {
			return nil, records.NotFound(id)
		}
		return nil, err
	}
	if !s.records.Exists(id) { // removed while this agent waited
		lock.Unlock()
		return nil, records.NotFound(id)
	}
	return lock, nil
}

// lockUnmanaged is lock, for who wants a manager: a manager that comes to be meanwhile keeps the lock as long as it lives, and
// then there is no lock to be had, and no error.
func (s *Service) lockUnmanaged(ctx context.Context, id string) (*flock.Lock, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, 10*time.Second, errBusy)
	defer cancel()
	t := time.NewTicker(2 * time.Millisecond)
	defer t.Stop()
	for {
		if !s.records.Exists(id) {
			return nil, records.NotFound(id)
		}
		lock, err := flock.Try(s.records.Path(id, "lock"), flock.Exclusive)
		switch {
		case lock != nil && s.records.Exists(id):
			return lock, nil
		case lock != nil: // removed while this agent waited
			lock.Unlock()
			return nil, records.NotFound(id)
		case err != nil && s.records.Exists(id):
			return nil, err
		}
		if s.mine(id) != nil {
			return nil, nil
		}
		if st, err := s.records.State(id); err == nil && s.elsewhere(ctx, st) {
			return nil, nil
		}
		select {
		case <-t.C:
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
}

var errBusy = errors.New("container is busy: an agent holds its lock and does not answer")

// elsewhere says whether another agent that lives manages the container.
func (s *Service) elsewhere(ctx context.Context, st *records.State) bool {
	return st.Manager != "" && st.Manager != s.Socket && alive(ctx, st.Manager)
}

// alive says whether an agent serves at socket.
func alive(ctx context.Context, socket string) bool {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	c, err := unixsock.Dial(ctx, socket)
	if err != nil {
		return false
	}
	c.Close()
	return true
}
