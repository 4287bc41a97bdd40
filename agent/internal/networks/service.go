//go:build linux

package networks

import (
	"context"
	"log/slog"
	"sync"

	"github.com/caisson-dev/caisson/agent/internal/network"
	"github.com/caisson-dev/caisson/agent/internal/wire"
	"github.com/caisson-dev/caisson/container"
	"github.com/caisson-dev/caisson/internal/api"
	"github.com/caisson-dev/caisson/internal/flock"
)

// Config of a Service.
type Config struct {
	Dir    string // has a file for each network that was created; made when missing
	RunDir string // of package network
	Lock   string // the file that agents flock to create and remove networks
	Logger *slog.Logger
	// Users are the networks that a container is on or would join, each with the name of one such container.
	Users func() (map[string]string, error)
	// Emit tells all who follow the store's events.
	Emit func(container.Event)
}

// Service is the store's networks as this agent sees them.
type Service struct {
	cfg Config

	mu   sync.Mutex
	m    *network.Manager
	held map[string]*network.Network // until this agent ends
}

// New returns the service. It makes nothing yet.
func New(cfg Config) *Service { return &Service{cfg: cfg} }

// Routes registers the requests of networks.
func (s *Service) Routes(mux *wire.Mux) {
	mux.Handle(api.NetworkCreate, wire.Handle(s.create))
	mux.Handle(api.NetworkList, wire.Handle(s.list))
	mux.Handle(api.NetworkGet, wire.Handle(s.get))
	mux.Handle(api.NetworkRemove, wire.Handle(s.remove))
	mux.Handle(api.NetworkPrune, wire.Handle(s.prune))
}

// manager opens the networks when they are first needed.
func (s *Service) manager() (*network.Manager, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.m != nil {
		return s.m, nil
	}
	m, err := network.Open(network.Options{Dir: s.cfg.RunDir, Reserved: s.subnets, Logger: s.cfg.Logger})
	if err != nil {
		return nil, err
	}
	s.m, s.held = m, map[string]*network.Network{}
	return m, nil
}

// Close lets go of all networks.
func (s *Service) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.m == nil {
		return nil
	}
	return s.m.Close()
}

// lock keeps two agents from creating or removing the same network.
func (s *Service) lock(ctx context.Context) (*flock.Lock, error) {
	return flock.Acquire(ctx, s.cfg.Lock, flock.Exclusive)
}

func (s *Service) emit(action container.EventAction, name string) {
	s.cfg.Emit(container.Event{Type: container.EventNetwork, Action: action, ID: name})
}
