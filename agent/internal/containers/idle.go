//go:build linux

package containers

import (
	"net/http"
	"time"

	"github.com/caisson-dev/caisson/agent/internal/records"
	"github.com/caisson-dev/caisson/agent/internal/wire"
)

// idle sees to it that a container which nobody holds goes.
type idle struct {
	holds int
	timer *time.Timer // nil while someone holds the container, or without Options.Lifecycle.IdleTimeout
	over  bool        // its time has passed, and it is being removed
}

// keepFor keeps a container until the caller, or the agent of the caller's, goes.
func (s *Service) keepFor(w http.ResponseWriter, r *http.Request) {
	m := s.mine(r.PathValue("id"))
	if m == nil || !m.keep() {
		wire.Fail(w, records.NotFound(r.PathValue("id")))
		return
	}
	defer m.letGo()
	wire.Held(w, r)
}

// keep reports false for a container that is gone, or about to go.
func (m *managed) keep() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.removed || m.idle.over {
		return false
	}
	m.idle.holds++
	if m.idle.timer != nil {
		m.idle.timer.Stop()
		m.idle.timer = nil
	}
	return true
}

func (m *managed) letGo() {
	m.mu.Lock()
	m.idle.holds--
	m.mu.Unlock()
	m.watchIdle()
}

// watchIdle begins the time that a container which nobody holds has left.
func (m *managed) watchIdle() {
	m.mu.Lock()
	defer m.mu.Unlock()
	if d := m.rec.Options.Lifecycle.IdleTimeout; d > 0 && m.idle.holds == 0 && m.idle.timer == nil && !m.removed && !m.idle.over {
		m.idle.timer = time.AfterFunc(d, m.expire)
	}
}

func (m *managed) expire() {
	m.mu.Lock()
	m.idle.over = m.idle.holds == 0 && !m.removed
	over := m.idle.over
	m.mu.Unlock()
	if !over {
		return
	}
	if err := m.close(); err != nil {
		m.s.Logger.Error("remove an idle container", "container", m.rec.ID, "error", err)
	}
	m.s.notify()
}

// busy says whether this agent is still needed: the container runs, or is to be removed in a while, until it is.
func (m *managed) busy(terminating bool) bool {
	return live(m.state().State.Status) || m.rec.Options.Lifecycle.IdleTimeout > 0 && !terminating
}

// stale says of a container that no agent manages whether its time has passed: its agent was killed, or it was never
// started.
func stale(rec *records.Record, st *records.State) bool {
	since := rec.Created
	if st.State.Finished.After(since) {
		since = st.State.Finished
	}
	return rec.Options.Lifecycle.IdleTimeout > 0 && time.Since(since) > rec.Options.Lifecycle.IdleTimeout
}
