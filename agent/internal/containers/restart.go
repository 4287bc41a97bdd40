//go:build linux

package containers

import (
	"net/http"
	"time"

	"github.com/caisson-dev/caisson/agent/internal/records"
	"github.com/caisson-dev/caisson/agent/internal/wire"
	"github.com/caisson-dev/caisson/container"
)

// Docker's backoff (moby/moby daemon/internal/restartmanager).
const (
	firstBackoff = 100 * time.Millisecond
	lastBackoff  = time.Minute
	longRun      = 10 * time.Second // after which it begins anew
)

// restarts is what a managed container knows of its restart policy. managed.mu guards it.
type restarts struct {
	calledOff bool          // Stop, or a signal that ends: until the next Start
	backoff   time.Duration // before the last restart
	pending   *comeback
}

// comeback is a restart to come.
type comeback struct {
	cancel chan struct{} // closed by the first that calls it off
	over   chan struct{} // closed when the container runs again, or will not
}

// due says whether the policy starts the container again after a run, and when; managed.mu is held.
func (m *managed) due(st container.State) (time.Duration, bool) {
	p, r := m.rec.Options.Lifecycle.Restart, &m.restarts
	switch {
	case r.calledOff:
		return 0, false
	case p.Mode == container.RestartAlways, p.Mode == container.RestartUnlessStopped:
	case p.Mode == container.RestartOnFailure && st.ExitCode != 0 && (p.MaxRetries == 0 || m.st.Restarts < p.MaxRetries):
	default:
		return 0, false
	}
	if st.Finished.Sub(st.Started) >= longRun {
		r.backoff = 0
	}
	r.backoff = min(max(firstBackoff, 2*r.backoff), lastBackoff)
	return r.backoff, true
}

// plan enters a restart into the state after a run; managed.mu is held.
func (m *managed) plan(r *run, st container.State) {
	after, again := m.due(st)
	if !again {
		return
	}
	c := &comeback{cancel: make(chan struct{}), over: make(chan struct{})}
	m.st.State.Status, m.restarts.pending, r.again = container.StatusRestarting, c, true
	go m.comeBack(c, after)
}

// comeBack starts the container again.
func (m *managed) comeBack(c *comeback, after time.Duration) {
	defer close(c.over)
	t := time.NewTimer(after)
	defer t.Stop()
	select {
	case <-t.C:
	case <-c.cancel:
	}
	m.op.Lock() // the clean-up after the last run comes first
	defer m.op.Unlock()
	m.mu.Lock()
	m.restarts.pending = nil
	off := m.restarts.calledOff || m.removed
	if !off {
		m.st.Restarts++
	}
	m.mu.Unlock()
	if off {
		m.stayDown()
		return
	}
	if err := m.startLocked(); err != nil {
		m.s.Logger.Error("restart container", "container", m.rec.ID, "error", err)
		m.s.notify()
	}
}

// stayDown makes a container that was to be restarted an exited one; managed.op is held.
func (m *managed) stayDown() {
	m.mu.Lock()
	if m.st.State.Status == container.StatusRestarting {
		m.st.State.Status = container.StatusExited
		if err := m.saveState(); err != nil {
			m.s.Logger.Error("save container state", "container", m.rec.ID, "error", err)
		}
	}
	st, r := m.st.State, m.run
	m.mu.Unlock()
	select {
	case <-r.done:
	default: // someone attached for the run that does not come
		_ = r.log.Close() // nothing was written
		m.over(r, st, nil)
	}
	m.s.notify()
}

// callOff keeps the restart policy from starting the container again until the next Start. A restart that is under way
// is over when it returns.
func (m *managed) callOff() {
	m.mu.Lock()
	c := m.restarts.pending
	first := !m.restarts.calledOff
	m.restarts.calledOff = true
	m.mu.Unlock()
	if c == nil {
		return
	}
	if first {
		close(c.cancel)
	}
	<-c.over
}

func (s *Service) restart(r *http.Request, opts container.StopOptions) (wire.None, error) {
	id := r.PathValue("id")
	m := s.mine(id)
	if m == nil {
		return wire.None{}, records.NotFound(id)
	}
	m.restart(1)
	defer m.restart(-1)
	if _, err := s.stop(r, opts); err != nil {
		return wire.None{}, err
	}
	if err := m.start(); err != nil {
		return wire.None{}, err
	}
	s.emit(container.EventRestart, m.rec)
	return wire.None{}, nil
}

// restart counts the restarts under way, in which the end of a run does not remove an auto-removed container.
func (m *managed) restart(n int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.byHand += n
}

// leaves says whether the end of a run removes the container; m.mu is held.
func (m *managed) leaves() bool { return m.rec.Options.AutoRemove && m.byHand == 0 }
