//go:build linux

package containers

import (
	"context"
	"net/http"

	"github.com/caisson-dev/caisson/agent/internal/wire"
	"github.com/caisson-dev/caisson/container"
)

func (s *Service) wait(r *http.Request, _ wire.None) (container.State, error) {
	id := r.PathValue("id")
	m := s.mine(id)
	if m == nil {
		if st, ok := s.remembered(id); ok {
			return st, nil
		}
		st, err := s.records.State(id)
		if err != nil {
			return container.State{}, err
		}
		return st.State, nil
	}
	return m.wait(r.Context())
}

// wait returns the end of the present run, or of the last one if there is none. A run that the restart policy follows
// with another is not the end, as in Docker.
func (m *managed) wait(ctx context.Context) (container.State, error) {
	for {
		st, err := m.settled(ctx)
		if err != nil {
			return container.State{}, err
		}
		if st.State.Status == container.StatusExited {
			return st.State, nil
		}
		r, err := m.present()
		if err != nil {
			if st, ok := m.s.remembered(m.rec.ID); ok {
				return st, nil
			}
			return container.State{}, err
		}
		select {
		case <-r.done:
		case <-ctx.Done():
			return container.State{}, context.Cause(ctx)
		}
		switch {
		case r.again: // it is not the end
		case r.err != nil && r.status.Finished.IsZero():
			return r.status, r.err // removed, and never started
		default:
			return r.status, nil
		}
	}
}
