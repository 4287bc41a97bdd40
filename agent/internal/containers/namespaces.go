//go:build linux

package containers

import (
	"context"
	"fmt"
	"os"

	"github.com/caisson-dev/caisson/agent/internal/names"
	"github.com/caisson-dev/caisson/agent/internal/records"
	"github.com/caisson-dev/caisson/agent/internal/spec"
	"github.com/caisson-dev/caisson/container"
	"github.com/caisson-dev/caisson/internal/api"
)

// joins finds the containers whose namespaces are shared. It writes their ids in place of their names.
func (s *Service) joins(o *container.Options) error {
	for _, ns := range spec.Sharings(*o) {
		name := spec.ContainerOf(ns.Mode)
		if name == "" {
			continue
		}
		id, err := s.records.Lookup(name)
		if err != nil {
			return fmt.Errorf("%s: %w", ns.Field, err)
		}
		spec.Share(o, ns.Kind, "container:"+id)
	}
	return nil
}

// pidOf is the process of a container that runs, whichever agent has it.
func (s *Service) pidOf(id string) (int, error) {
	info, err := s.info(context.Background(), id, map[string]bool{})
	if err != nil {
		return 0, err
	}
	if info.PID == 0 {
		return 0, notRunning(id, info.State.Status)
	}
	return info.PID, nil
}

// newHostname is what a new container calls itself.
func (s *Service) newHostname(rec *records.Record) (string, error) {
	o := &rec.Options
	if o.Networking.Hostname != "" {
		return o.Networking.Hostname, nil
	}
	for _, mode := range []string{string(o.Namespaces.UTS), string(o.Network)} {
		if id := spec.ContainerOf(mode); id != "" {
			other, err := s.records.Record(id)
			if err != nil {
				return "", err
			}
			return other.Hostname, nil
		}
		if mode == "host" {
			name, err := os.Hostname()
			if err != nil {
				return "", api.Errorf(api.ErrUnsupported, "the host's name: %w", err)
			}
			return name, nil
		}
	}
	return names.Short(rec.ID), nil
}
