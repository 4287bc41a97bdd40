//go:build linux

package containers

import (
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/caisson-dev/caisson/agent/internal/names"
	"github.com/caisson-dev/caisson/agent/internal/network"
	"github.com/caisson-dev/caisson/agent/internal/state"
	"github.com/caisson-dev/caisson/container"
	"github.com/caisson-dev/caisson/internal/api"
)

// networks are the store's networks as this agent sees them. Their descriptions are kept in the root; the networks
// themselves exist while an agent has joined them.
type networks struct {
	s *Service

	mu     sync.Mutex
	m      *network.Manager
	joined map[string]*network.Network // held until this agent ends
}

func (s *Service) networksDir() string { return filepath.Join(s.layout.Root, "networks") }

// manager opens the networks when they are first needed.
func (n *networks) manager() (*network.Manager, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.m != nil {
		return n.m, nil
	}
	m, err := network.Open(network.Options{Dir: filepath.Join(n.s.layout.RunRoot, "networks"), Logger: n.s.Logger})
	if err != nil {
		return nil, err
	}
	n.m, n.joined = m, map[string]*network.Network{}
	return m, nil
}

func (n *networks) close() error {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.m == nil {
		return nil
	}
	return n.m.Close()
}

// join makes this agent hold the network, which comes to be if no other agent has it.
func (n *networks) join(ctx context.Context, name string) (*network.Network, error) {
	m, err := n.manager()
	if err != nil {
		return nil, err
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if nw := n.joined[name]; nw != nil {
		return nw, nil
	}
	var nw *network.Network
	for range 10 { // between Create and Join another agent may remove a network that no one holds
		if nw, err = m.Join(ctx, name); !errors.Is(err, network.ErrNotFound) {
			break
		}
		spec, derr := n.s.describe(name)
		if derr != nil {
			return nil, derr
		}
		if _, err = m.Create(ctx, spec.spec()); err != nil && !errors.Is(err, network.ErrExists) {
			break
		}
	}
	if err != nil {
		return nil, networkError(err)
	}
	n.joined[name] = nw
	return nw, nil
}

// description is a network that was created: a file in the root.
type description struct {
	container.NetworkOptions
	Created time.Time `json:"created"`
}

func (d *description) spec() network.Spec {
	return network.Spec{
		Name: d.Name, IPv4: d.IPv4, IPv6: d.IPv6, Gateway4: d.Gateway4, Gateway6: d.Gateway6,
		EnableIPv6: d.EnableIPv6, MTU: d.MTU, Internal: d.Internal,
	}
}

// describe reads a network's description. The default network needs none.
func (s *Service) describe(name string) (*description, error) {
	if name == string(container.NetworkDefault) {
		return &description{NetworkOptions: container.NetworkOptions{Name: name}}, nil
	}
	if !names.Valid(name) {
		return nil, noNetwork(name)
	}
	b, err := os.ReadFile(filepath.Join(s.networksDir(), name+".json"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, noNetwork(name)
	}
	if err != nil {
		return nil, err
	}
	var d description
	return &d, json.Unmarshal(b, &d)
}

func noNetwork(name string) error {
	return api.Errorf(api.ErrNotFound, "network %s: no such network: create it with CreateNetwork", name)
}

// descriptions returns all created networks and the default one, by name.
func (s *Service) descriptions() ([]*description, error) {
	entries, err := os.ReadDir(s.networksDir())
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	d, err := s.describe(string(container.NetworkDefault))
	if err != nil {
		return nil, err
	}
	all := []*description{d}
	for _, e := range entries {
		name, ok := strings.CutSuffix(e.Name(), ".json")
		if !ok {
			continue
		}
		d, err := s.describe(name)
		if errors.Is(err, api.ErrNotFound) {
			continue // just removed
		}
		if err != nil {
			return nil, err
		}
		all = append(all, d)
	}
	slices.SortFunc(all, func(a, b *description) int { return strings.Compare(a.Name, b.Name) })
	return all, nil
}

// lockNetworks keeps two agents from creating or removing the same network.
func (s *Service) lockNetworks(ctx context.Context) (*state.Lock, error) {
	return state.Acquire(ctx, filepath.Join(s.layout.Locks(), "networks"), true)
}

// networkError gives the errors of package network the sentinels that callers match.
func networkError(err error) error {
	for from, to := range map[error]error{
		network.ErrNotFound: api.ErrNotFound, network.ErrExists: api.ErrNameInUse, network.ErrInUse: api.ErrInUse,
		network.ErrInvalid: api.ErrInvalidArgument, network.ErrSubnetOverlap: api.ErrInvalidArgument,
		network.ErrAddressInUse: api.ErrInvalidArgument, network.ErrNoFreeAddress: api.ErrInUse,
		network.ErrNoFreeSubnet: api.ErrInUse, network.ErrNoIPv6: api.ErrUnsupported, network.ErrPortInUse: api.ErrPortInUse,
	} {
		if errors.Is(err, from) {
			return api.Errorf(to, "%w", err)
		}
	}
	return err
}
