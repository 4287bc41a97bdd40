//go:build linux

package containers

import (
	"context"
	"errors"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/caisson-dev/caisson/agent/internal/logfile"
	"github.com/caisson-dev/caisson/agent/internal/networks"
	"github.com/caisson-dev/caisson/agent/internal/records"
	"github.com/caisson-dev/caisson/agent/internal/runc"
	"github.com/caisson-dev/caisson/agent/internal/streams"
	"github.com/caisson-dev/caisson/container"
	"github.com/caisson-dev/caisson/internal/flock"
)

// managed is a container that this agent holds the lock of.
type managed struct {
	s    *Service
	rec  *records.Record
	lock *flock.Lock

	op sync.Mutex // held by start and remove, which exclude each other

	mu       sync.Mutex
	st       records.State
	log      *logfile.Log  // nil: not opened yet
	run      *run          // the present one, or the one to come
	healthy  chan struct{} // closed when the health changes; nil while no one waits
	restarts restarts
	byHand   int // calls of Restart under way
	removed  bool
	idle     idle
	leaving  chan struct{} // from the end of an auto-removed container's run; closed when it is removed
}

// run is one life of a container, from the first Attach or Start to its end.
type run struct {
	log     *logfile.Run
	started chan struct{} // closed when the process runs
	done    chan struct{} // closed when all is over, with an auto-remove too
	status  container.State
	err     error // why it did not start
	again   bool  // the restart policy starts the container again after it

	rc   *runc.Container
	proc *runc.Process
	spec *specs.Spec
	net  *networks.Place

	input streams.Input
}

func newManaged(s *Service, rec *records.Record, st *records.State, lock *flock.Lock) *managed {
	return &managed{s: s, rec: rec, lock: lock, st: *st}
}

// manage tells the other agents that this one has the container.
func (m *managed) manage() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.st.Manager = m.s.Socket
	return m.saveState()
}

// saveState writes the state; m.mu is held. Of a container that is removed there is none: a late health check would put
// it into a directory that is just being removed.
func (m *managed) saveState() error {
	if m.removed {
		return nil
	}
	return m.s.records.SaveState(m.rec, &m.st)
}

func (m *managed) state() records.State {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.st
}

// settled returns the state, that of an auto-removed container that has ended only after its removal.
func (m *managed) settled(ctx context.Context) (records.State, error) {
	m.mu.Lock()
	st, leaving := m.st, m.leaving
	m.mu.Unlock()
	if leaving != nil {
		select {
		case <-leaving:
		case <-ctx.Done():
			return records.State{}, context.Cause(ctx)
		}
	}
	return st, nil
}

// present returns the run that is, or the one to come; the last one only if it still runs.
func (m *managed) present() (*run, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.removed || m.idle.over {
		return nil, records.NotFound(m.rec.ID)
	}
	if m.run != nil {
		select {
		case <-m.run.done:
		default:
			return m.run, nil
		}
	}
	log, err := m.logLocked()
	if err != nil {
		return nil, err
	}
	writer, err := log.Begin()
	if err != nil {
		return nil, err
	}
	m.run = &run{log: writer, started: make(chan struct{}), done: make(chan struct{})}
	return m.run, nil
}

// logLocked is the container's log; m.mu is held.
func (m *managed) logLocked() (*logfile.Log, error) {
	if m.log == nil {
		var err error
		if m.log, err = m.s.logOf(m.rec); err != nil {
			return nil, err
		}
	}
	return m.log, nil
}

// current returns the running run.
func (m *managed) current() (*run, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.run == nil || !live(m.st.State.Status) || m.st.State.Status == container.StatusRestarting {
		return nil, notRunning(m.rec.ID, m.st.State.Status)
	}
	return m.run, nil
}

// over ends the run for all that wait for it.
func (m *managed) over(r *run, st container.State, err error) {
	r.status, r.err = st, err
	close(r.done)
}

// close ends the container with its owner.
func (m *managed) close() error {
	err := m.stopNow()
	m.op.Lock()
	defer m.op.Unlock()
	return errors.Join(err, m.erase())
}

// stopNow kills the process and waits for its end.
func (m *managed) stopNow() error {
	m.callOff()
	m.op.Lock() // a start that is under way comes first
	r, err := m.current()
	m.op.Unlock()
	if err != nil {
		return nil // it does not run
	}
	if err := r.rc.Signal(killSignal); err != nil {
		return err
	}
	<-r.done
	return nil
}

// erase removes the container; m.op is held, and it does not run.
func (m *managed) erase() error {
	m.mu.Lock()
	if m.removed {
		m.mu.Unlock()
		return nil
	}
	m.removed = true
	if m.log != nil {
		if err := m.log.Spare(func() (string, error) { return m.s.Images.Temp().Make("log") }); err != nil {
			m.s.Logger.Error("keep the log for its readers", "container", m.rec.ID, "error", err)
		}
	}
	if r := m.run; r != nil {
		select {
		case <-r.done:
		default: // attached to, and never started
			_ = r.log.Close() // its file goes now
			r.err = records.NotFound(m.rec.ID)
			close(r.done)
		}
	}
	m.mu.Unlock()
	err := m.s.erase(m.rec)
	m.lock.Unlock()
	m.s.drop(m)
	return err
}

// release gives a container that does not run back to no one.
func (m *managed) release() error {
	m.mu.Lock()
	m.st.Manager = ""
	err := m.saveState()
	m.mu.Unlock()
	m.lock.Unlock()
	m.s.drop(m)
	return err
}

// Idle says whether this agent has nothing to do: no container of its runs, or is to be removed when it is idle.
func (s *Service) Idle() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, m := range s.managed {
		if m.busy(s.terminating) {
			return false
		}
	}
	return true
}

// Changed returns a channel that is closed when a container of this agent ends or goes.
func (s *Service) Changed() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.changed
}

func (s *Service) notify() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.wake()
}

// wake wakes all who wait for a change; s.mu is held.
func (s *Service) wake() {
	close(s.changed)
	s.changed = make(chan struct{})
}

// Release gives every container that this agent manages back; none of them runs.
func (s *Service) Release() error {
	s.mu.Lock()
	all := slices.Collect(maps.Values(s.managed))
	s.mu.Unlock()
	var errs []error
	for _, m := range all {
		errs = append(errs, m.release())
	}
	return errors.Join(errs...)
}

// Adopt makes this agent the manager of a container whose lock it inherited.
func (s *Service) Adopt(id string, lock *flock.Lock) error {
	rec, err := s.records.Record(id)
	if err != nil {
		return err
	}
	st, err := s.records.State(id)
	if err != nil {
		return err
	}
	m := newManaged(s, rec, st, lock)
	if err := m.manage(); err != nil {
		return err
	}
	if err := s.add(m); err != nil {
		return err
	}
	m.watchIdle()
	return nil
}

// Terminate stops what runs as Stop does: the machine is going down.
func (s *Service) Terminate() {
	s.mu.Lock()
	s.terminating = true
	all := slices.Collect(maps.Values(s.managed))
	s.mu.Unlock()
	var wg sync.WaitGroup
	for _, m := range all {
		wg.Go(func() {
			if err := m.stop("", stopTimeout(m.rec)); err != nil {
				s.Logger.Error("stop container", "container", m.rec.ID, "error", err)
			}
		})
	}
	wg.Wait()
	s.notify() // also where nothing ran
}

func stopTimeout(rec *records.Record) time.Duration {
	if rec.Options.Lifecycle.StopTimeout > 0 {
		return rec.Options.Lifecycle.StopTimeout
	}
	return 10 * time.Second
}
