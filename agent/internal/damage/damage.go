//go:build linux

package damage

import (
	"context"
	"errors"

	"github.com/caisson-dev/caisson/agent/internal/names"
	"github.com/caisson-dev/caisson/agent/internal/networks"
	"github.com/caisson-dev/caisson/agent/internal/records"
	"github.com/caisson-dev/caisson/agent/internal/spec"
	"github.com/caisson-dev/caisson/agent/internal/volumes"
	"github.com/caisson-dev/caisson/image"
	"github.com/caisson-dev/caisson/internal/api"
)

// Config of a Service.
type Config struct {
	Records  *records.Store
	Volumes  *volumes.Service
	Networks *networks.Service
	// Stored says whether the store has the file system of a container.
	Stored func(id string) bool
	// Remove removes a container that does not run.
	Remove func(ctx context.Context, id string) error
}

// Service finds damage and mends it.
type Service struct{ cfg Config }

// New returns the service. It has nothing to close.
func New(cfg Config) *Service { return &Service{cfg} }

// Damaged finds containers whose files can't be read or are missing, and volumes and networks whose descriptions can't be
// read. Those that are being made or removed are not damaged. The store's exclusive lock is held.
func (s *Service) Damaged() ([]image.Problem, error) {
	ids, err := s.cfg.Records.IDs()
	if err != nil {
		return nil, err
	}
	var found []image.Problem
	for _, id := range ids {
		if err := s.damageOf(id); err != nil {
			p := image.Problem{Kind: image.ProblemContainer, ID: id, Details: []string{err.Error()}}
			if name := s.cfg.Records.NameOf(id); name != "" {
				p.Names = []string{name}
			}
			found = append(found, p)
		}
	}
	damaged, err := s.cfg.Volumes.Damaged()
	if err != nil {
		return nil, err
	}
	for _, v := range damaged {
		found = append(found, image.Problem{Kind: image.ProblemVolume, ID: v.Name, Names: []string{v.Name}, Details: []string{v.Damaged}})
	}
	broken, err := s.cfg.Networks.Damaged()
	for _, n := range broken {
		found = append(found, image.Problem{Kind: image.ProblemNetwork, ID: n.Name, Names: []string{n.Name}, Details: []string{n.Damaged}})
	}
	return found, err
}

// damageOf says what is wrong with a container that exists.
func (s *Service) damageOf(id string) error {
	if !s.cfg.Records.Exists(id) {
		return nil
	}
	_, err := s.cfg.Records.State(id)
	if err == nil {
		_, err = s.cfg.Records.Record(id)
	}
	if err == nil {
		err = s.cfg.Records.Load(id, records.SpecFile, &spec.Modification{})
		if errors.Is(err, api.ErrNotFound) {
			err = nil // few have one
		}
	}
	if err == nil && !s.cfg.Stored(id) {
		err = api.Errorf(api.ErrCorrupt, "container %s: its file system is missing in the store: remove the container", names.Short(id))
	}
	if !s.cfg.Records.Exists(id) {
		return nil // it was removed just now
	}
	return err
}

// Mend removes damaged containers that do not run and damaged networks that no container is on. Volumes keep what is in
// them: they get new descriptions. It does all that it can, and returns the errors of the rest.
func (s *Service) Mend(ctx context.Context, problems []image.Problem) error {
	var errs []error
	for _, p := range problems {
		var err error
		switch p.Kind {
		case image.ProblemContainer:
			err = s.cfg.Remove(ctx, p.ID)
			if errors.Is(err, api.ErrRunning) {
				err = api.Errorf(api.ErrInUse, "%w", err)
			}
		case image.ProblemVolume:
			err = s.cfg.Volumes.Mend(ctx, p.ID)
		case image.ProblemNetwork:
			err = s.cfg.Networks.Remove(ctx, p.ID)
		}
		if err != nil && !errors.Is(err, api.ErrNotFound) {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}
