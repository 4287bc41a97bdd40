//go:build linux

package networks

import (
	"context"
	"errors"

	"github.com/caisson-dev/caisson/agent/internal/network"
)

// hold makes this agent hold the network, which comes to be if no other agent has it.
func (s *Service) hold(ctx context.Context, name string) (*network.Network, error) {
	m, err := s.manager()
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if nw := s.held[name]; nw != nil {
		return nw, nil
	}
	var nw *network.Network
	for range 10 { // between Create and Join another agent may remove a network that no one holds
		if nw, err = m.Join(ctx, name); !errors.Is(err, network.ErrNotFound) {
			break
		}
		d, derr := s.Describe(name)
		if derr != nil {
			return nil, derr
		}
		if _, err = m.Create(ctx, d.spec()); err != nil && !errors.Is(err, network.ErrExists) {
			break
		}
	}
	if err != nil {
		return nil, err
	}
	s.held[name] = nw
	return nw, nil
}

// forget lets go of a network that is being removed.
func (s *Service) forget(name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if nw := s.held[name]; nw != nil {
		delete(s.held, name)
		_ = nw.Leave() // Remove says what is wrong, if anything is
	}
}
