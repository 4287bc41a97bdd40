//go:build linux

// Package containers makes, runs and removes containers for the agent.
//
// A container has a directory with its record, state, log and lock. Whoever holds the lock is its manager: the owner's
// agent from creation on, or for a detached container an agent of its own while it runs. Requests that concern a
// container's processes go to its manager; other agents pass them on.
package containers

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"sync"

	"github.com/caisson-dev/caisson/agent/internal/damage"
	"github.com/caisson-dev/caisson/agent/internal/eventlog"
	"github.com/caisson-dev/caisson/agent/internal/host"
	"github.com/caisson-dev/caisson/agent/internal/images"
	"github.com/caisson-dev/caisson/agent/internal/launch"
	"github.com/caisson-dev/caisson/agent/internal/networks"
	"github.com/caisson-dev/caisson/agent/internal/records"
	"github.com/caisson-dev/caisson/agent/internal/runc"
	"github.com/caisson-dev/caisson/agent/internal/state"
	"github.com/caisson-dev/caisson/agent/internal/volumes"
	"github.com/caisson-dev/caisson/agent/internal/wire"
	"github.com/caisson-dev/caisson/container"
	"github.com/caisson-dev/caisson/image"
	"github.com/caisson-dev/caisson/internal/api"
)

// Puller has the images in the store that containers are made of.
type Puller interface {
	Ensure(ctx context.Context, ref string, policy image.PullPolicy, progress func(image.Progress)) (*images.Resolved, error)
}

// Config of a Service.
type Config struct {
	Layout state.Layout
	Images *images.Store
	Pulls  Puller
	Events *eventlog.Log
	Host   host.Host
	Socket string   // where this agent serves
	Init   *os.File // the binary of containers' inits, if it is not this one
	Logger *slog.Logger
	// Detach starts an agent that manages the container whose lock it is given, and returns its socket.
	Detach func(ctx context.Context, id string, lock *os.File) (string, error)
	// Only is the one container that this agent manages, for an agent of a detached container.
	Only string
}

// Service is the agent's containers.
type Service struct {
	Config
	*damage.Service
	layout state.Layout
	rt     *runc.Runtime

	records *records.Store

	mu          sync.Mutex
	managed     map[string]*managed
	ended       map[string]container.State // of auto-removed containers, for a Wait that comes late
	order       []string                   // of ended, oldest first
	networks    *networks.Service
	volumes     *volumes.Service
	launch      *launch.Service
	changed     chan struct{} // closed and replaced when managed shrinks
	closing     bool
	terminating bool
}

// New returns the service.
func New(cfg Config) (*Service, error) {
	recs, err := records.Open(cfg.Layout.Containers(), filepath.Join(cfg.Layout.Root, "names"), filepath.Join(cfg.Layout.Locks(), "names"))
	if err != nil {
		return nil, err
	}
	recs.Full = cfg.Images.Room().Release
	s := &Service{
		Config: cfg, layout: cfg.Layout,
		rt:      runc.New(cfg.Layout.Runtime(), cfg.Host.Rootless, cfg.Init),
		records: recs,
		managed: map[string]*managed{}, ended: map[string]container.State{}, changed: make(chan struct{}),
	}
	s.networks = networks.New(networks.Config{
		Dir: filepath.Join(cfg.Layout.Root, "networks"), RunDir: filepath.Join(cfg.Layout.RunRoot, "networks"),
		Lock: filepath.Join(cfg.Layout.Locks(), "networks"), Logger: cfg.Logger, Users: s.records.NetworkUsers, Emit: s.Emit,
	})
	s.volumes = volumes.New(volumes.Config{
		Dir: cfg.Layout.Volumes(), Lock: filepath.Join(cfg.Layout.Locks(), "volumes"), Users: s.volumeUsers, Emit: s.Emit,
	})
	s.Service = damage.New(damage.Config{
		Records: recs, Volumes: s.volumes, Networks: s.networks, Stored: cfg.Images.Storage().Exists,
		Remove: func(ctx context.Context, id string) error { return s.RemoveForImage(ctx, []string{id}) },
	})
	s.launch = launch.New(launch.Config{
		Host: cfg.Host, Images: cfg.Images.Storage(), Volumes: s.volumes, Dir: s.records.Dir, Pid: s.pidOf, Logger: cfg.Logger,
	})
	return s, nil
}

// Networks is the store's networks, for who else has processes on them.
func (s *Service) Networks() *networks.Service { return s.networks }

// Routes registers the requests of package container.
func (s *Service) Routes(mux *wire.Mux) {
	mux.Handle(api.ContainerCreate, wire.Handle(s.created(s.create)))
	mux.Handle(api.ContainerCreateModified, s.createModified)
	mux.Handle(api.ContainerGet, wire.Handle(s.get))
	mux.Handle(api.ContainerList, wire.Handle(s.list))
	mux.Handle(api.ContainerPrune, wire.Handle(s.prune))
	mux.Handle(api.ContainerInspect, wire.Handle(s.inspect))
	s.routeOperations(mux)

	mux.Handle(api.ContainerStart, s.managing(wire.Handle(s.start)))
	mux.Handle(api.ContainerHold, s.managing(s.keepFor))
	mux.Handle(api.ContainerAttach, s.managing(s.attach))
	mux.Handle(api.ContainerResize, s.managing(wire.Handle(s.resize)))
	mux.Handle(api.ContainerWait, s.unsettled(wire.Handle(s.wait)))
	mux.Handle(api.ContainerWaitHealthy, s.unsettled(wire.Handle(s.waitHealthy)))
	mux.Handle(api.ContainerRestart, s.managing(wire.Handle(s.restart)))
	mux.Handle(api.ContainerExec, s.running(s.exec))
	mux.Handle(api.ContainerKill, s.running(wire.Handle(s.kill)))
	mux.Handle(api.ContainerStop, s.settled(wire.Handle(s.stop)))
	mux.Handle(api.ContainerRemove, s.settled(wire.Handle(s.remove)))
	mux.Handle(api.ContainerLogs, s.settled(s.logs))
}

func (s *Service) get(_ *http.Request, in api.Ref) (api.Created, error) {
	id, err := s.records.Lookup(in.Ref)
	if err != nil {
		return api.Created{}, err
	}
	rec, err := s.records.Record(id)
	if errors.Is(err, api.ErrCorrupt) {
		return api.Created{ID: id, Name: s.records.NameOf(id)}, nil // it can be removed
	}
	if err != nil {
		return api.Created{}, err
	}
	return api.Created{ID: rec.ID, Name: rec.Name}, nil
}

// mine returns the container if this agent manages it.
func (s *Service) mine(id string) *managed {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.managed[id]
}

func (s *Service) add(m *managed) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closing {
		return errClosing
	}
	s.managed[m.rec.ID] = m
	return nil
}

func (s *Service) drop(m *managed) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.managed[m.rec.ID] == m {
		delete(s.managed, m.rec.ID)
	}
	s.wake()
}

// remember keeps how an auto-removed container ended, for callers that wait for it afterwards.
func (s *Service) remember(id string, st container.State) {
	const most = 4096
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ended[id] = st
	if s.order = append(s.order, id); len(s.order) > most {
		delete(s.ended, s.order[0])
		s.order = s.order[1:]
	}
}

func (s *Service) remembered(id string) (container.State, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	st, ok := s.ended[id]
	return st, ok
}

var errClosing = errors.New("the agent is ending")

// Close ends and removes every container that this agent manages and that is not detached. Detached ones are left to
// their own agents; an agent of a detached container closes when it has ended.
func (s *Service) Close() {
	s.mu.Lock()
	s.closing = true
	all := slices.Collect(maps.Values(s.managed))
	s.mu.Unlock()
	var wg sync.WaitGroup
	for _, m := range all {
		wg.Go(func() {
			if err := m.close(); err != nil {
				s.Logger.Error("remove container at the end", "container", m.rec.ID, "error", err)
			}
		})
	}
	wg.Wait()
	if err := s.networks.Close(); err != nil {
		s.Logger.Warn("leave the networks", "error", err)
	}
}
