//go:build linux

package containers

import (
	"errors"
	"os"
	"slices"

	"github.com/caisson-dev/caisson/agent/internal/volumes"
	"github.com/caisson-dev/caisson/container"
	"github.com/caisson-dev/caisson/internal/api"
)

// volumeUsers returns the containers that mount each volume, also those that are being made.
func (s *Service) volumeUsers() (map[string][]volumes.User, error) {
	entries, err := os.ReadDir(s.layout.Containers())
	if err != nil {
		return nil, err
	}
	users := map[string][]volumes.User{}
	for _, e := range entries {
		rec, err := s.loadRecord(e.Name())
		if errors.Is(err, api.ErrNotFound) {
			continue
		}
		if err != nil {
			return nil, err
		}
		u := volumes.User{ID: rec.ID, Name: rec.Name}
		for _, m := range rec.Mounts {
			if m.Type == container.MountVolume && !slices.Contains(users[m.Source], u) {
				users[m.Source] = append(users[m.Source], u)
			}
		}
	}
	return users, nil
}
