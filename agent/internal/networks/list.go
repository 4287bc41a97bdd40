//go:build linux

package networks

import (
	"errors"
	"net/http"

	"github.com/caisson-dev/caisson/agent/internal/network"
	"github.com/caisson-dev/caisson/agent/internal/wire"
	"github.com/caisson-dev/caisson/container"
	"github.com/caisson-dev/caisson/internal/api"
)

func (s *Service) list(*http.Request, wire.None) ([]container.NetworkInfo, error) {
	all, err := s.descriptions()
	if err != nil {
		return nil, err
	}
	infos := []container.NetworkInfo{} // JSON: not null
	for _, d := range all {
		info, err := s.info(d)
		if err != nil {
			return nil, err
		}
		infos = append(infos, *info)
	}
	return infos, nil
}

func (s *Service) get(_ *http.Request, in api.Name) (*container.NetworkInfo, error) {
	d, err := s.find(in.Name)
	if errors.Is(err, api.ErrCorrupt) {
		return s.info(&Description{NetworkOptions: container.NetworkOptions{Name: in.Name}, damaged: err})
	}
	if err != nil {
		return nil, err
	}
	return s.info(d)
}

// Damaged are the networks whose descriptions can't be read.
func (s *Service) Damaged() (damaged []container.NetworkInfo, err error) {
	all, err := s.descriptions()
	for _, d := range all {
		if d.damaged != nil {
			damaged = append(damaged, container.NetworkInfo{NetworkOptions: d.NetworkOptions, Damaged: d.damaged.Error()})
		}
	}
	return damaged, err
}

// info adds to a description who is on the network now.
func (s *Service) info(d *Description) (*container.NetworkInfo, error) {
	if d.damaged != nil {
		return &container.NetworkInfo{NetworkOptions: d.NetworkOptions, Damaged: d.damaged.Error()}, nil
	}
	m, err := s.manager()
	if err != nil {
		return nil, err
	}
	info, err := m.Inspect(d.Name)
	if errors.Is(err, network.ErrNotFound) { // no agent has it: no container is on it
		return &container.NetworkInfo{NetworkOptions: d.NetworkOptions, ID: d.ID(), Created: d.Created}, nil
	}
	if err != nil {
		return nil, Error(err)
	}
	now := *d
	now.chosen(info)
	out := &container.NetworkInfo{NetworkOptions: now.NetworkOptions, ID: d.ID(), Created: now.Created, Containers: map[string]string{}}
	for _, ep := range info.Endpoints {
		out.Containers[ep.Container] = ep.Name
	}
	return out, nil
}
