//go:build linux

package containers

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/caisson-dev/caisson/agent/internal/names"
	"github.com/caisson-dev/caisson/agent/internal/wire"
	"github.com/caisson-dev/caisson/container"
	"github.com/caisson-dev/caisson/internal/api"
)

const (
	healthLog    = 5    // results that are kept
	healthOutput = 4096 // bytes of each that are kept
)

// watchHealth checks the container until its run is over.
func (m *managed) watchHealth(r *run) {
	h := m.rec.Health
	begin := time.Now()
	for {
		wait := h.Interval
		if time.Since(begin) < h.StartPeriod && m.health().Status == container.HealthStarting {
			wait = min(h.StartInterval, wait)
		}
		t := time.NewTimer(wait)
		select {
		case <-r.done:
			t.Stop()
			return
		case <-t.C:
		}
		if m.state().State.Status == container.StatusPaused {
			continue // nothing in it moves, a check least of all
		}
		check := m.checkHealth(r)
		select {
		case <-r.done:
			return // it says nothing that the check failed then
		default:
		}
		m.healthResult(check, time.Since(begin) < h.StartPeriod)
	}
}

// health is a copy of what is known; nil means that there is no check.
func (m *managed) health() *container.Health {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.st.Health == nil {
		return nil
	}
	h := *m.st.Health
	return &h
}

// healthResult counts a check. One that fails in the start period does not count, as in Docker.
func (m *managed) healthResult(c container.HealthResult, starting bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	before := m.st.Health.Status
	h := nextHealth(*m.st.Health, c, starting, m.rec.Health.Retries)
	m.st.Health = &h // readers of the old one go on with it
	if err := m.saveState(); err != nil {
		m.s.Logger.Error("save container state", "container", m.rec.ID, "error", err)
	}
	if h.Status != before {
		m.healthChanged()
		m.s.emitHealth(m.rec, h.Status)
	}
}

// nextHealth is a container's health after one more check. While it is starting, a failure does not count.
func nextHealth(h container.Health, c container.HealthResult, starting bool, retries int) container.Health {
	switch {
	case c.ExitCode == 0:
		h.Status, h.FailingStreak = container.HealthHealthy, 0
	case starting && h.Status == container.HealthStarting:
	default:
		if h.FailingStreak++; h.FailingStreak >= retries {
			h.Status = container.HealthUnhealthy
		}
	}
	h.Log = append(slices.Clone(h.Log[max(0, len(h.Log)+1-healthLog):]), c)
	return h
}

// healthChanged wakes those who wait for another state; m.mu is held.
func (m *managed) healthChanged() {
	if m.healthy != nil {
		close(m.healthy)
		m.healthy = nil
	}
}

// checkHealth runs one check.
func (m *managed) checkHealth(r *run) container.HealthResult {
	c := container.HealthResult{Start: time.Now(), ExitCode: -1}
	defer func() { c.End = time.Now() }()
	e, err := m.exec(api.ExecRequest{Args: m.rec.HealthCommand()})
	if err != nil {
		c.Output = err.Error()
		c.End = time.Now()
		return c
	}
	out := &headWriter{}
	st, late, err := e.Collect(out, m.rec.Health.Timeout)
	c.End, c.Output = time.Now(), out.String()
	switch {
	case err != nil:
		c.Output = err.Error()
	case late:
		c.Output = fmt.Sprintf("health check took more than %s", m.rec.Health.Timeout)
	default:
		c.ExitCode = st.ExitCode
	}
	return c
}

// headWriter keeps the first bytes of both streams.
type headWriter struct {
	mu sync.Mutex
	b  strings.Builder
}

func (w *headWriter) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.b.Write(p[:min(len(p), healthOutput-w.b.Len())])
	return len(p), nil
}

func (w *headWriter) String() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return strings.ToValidUTF8(w.b.String(), "�")
}

func (s *Service) waitHealthy(r *http.Request, _ wire.None) (wire.None, error) {
	id := r.PathValue("id")
	m := s.mine(id)
	if m == nil {
		st, err := s.records.State(id)
		if err != nil {
			return wire.None{}, err
		}
		return wire.None{}, notRunning(id, st.State.Status)
	}
	return wire.None{}, m.waitHealthy(r.Context())
}

func (m *managed) waitHealthy(ctx context.Context) error {
	if m.rec.Health == nil {
		return invalid("wait for container %s to be healthy: it has no health check: set Options.Health", names.Short(m.rec.ID))
	}
	for {
		if st := m.state(); st.State.Status == container.StatusExited {
			return notRunning(m.rec.ID, st.State.Status)
		}
		r, err := m.present()
		if err != nil {
			return err
		}
		m.mu.Lock()
		h := m.st.Health
		if m.healthy == nil {
			m.healthy = make(chan struct{})
		}
		changed, up := m.healthy, live(m.st.State.Status)
		m.mu.Unlock()
		switch {
		case !up || h == nil:
		case h.Status == container.HealthHealthy:
			return nil
		case h.Status == container.HealthUnhealthy:
			return unhealthy(m.rec.ID, h)
		}
		select {
		case <-changed:
		case <-r.done:
			if m.state().State.Status != container.StatusRestarting {
				return errors.Join(r.err, notRunning(m.rec.ID, container.StatusExited))
			}
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

func unhealthy(id string, h *container.Health) error {
	last := ""
	if n := len(h.Log); n > 0 {
		last = fmt.Sprintf(": the last one ended with %d: %s", h.Log[n-1].ExitCode, strings.TrimSpace(h.Log[n-1].Output))
	}
	return api.Errorf(api.ErrUnhealthy, "container %s is unhealthy: %d checks failed%s", names.Short(id), h.FailingStreak, last)
}
