//go:build linux

package containers

import (
	"slices"

	"github.com/caisson-dev/caisson/agent/internal/volumes"
	"github.com/caisson-dev/caisson/container"
)

// volumeUsers are the containers that mount each volume, also those that are being made.
func (s *Service) volumeUsers() (map[string][]volumes.User, error) {
	all, err := s.records.All()
	users := map[string][]volumes.User{}
	for _, rec := range all {
		u := volumes.User{ID: rec.ID, Name: rec.Name}
		for _, m := range rec.Mounts {
			if m.Type == container.MountVolume && !slices.Contains(users[m.Source], u) {
				users[m.Source] = append(users[m.Source], u)
			}
		}
	}
	return users, err
}

// networkUsers are the networks that containers are on or would join, each with the name of one of them.
func (s *Service) networkUsers() (map[string]string, error) {
	all, err := s.records.All()
	users := map[string]string{}
	for _, rec := range all {
		for _, ep := range rec.Options.Networking.Endpoints {
			users[ep.Network] = rec.Name
		}
	}
	return users, err
}
