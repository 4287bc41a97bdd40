//go:build linux

package volumes

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"

	"github.com/caisson-dev/caisson/container"
	"github.com/caisson-dev/caisson/internal/atomicfile"
	"github.com/caisson-dev/caisson/internal/flock"
)

// Damaged are the volumes whose descriptions can't be read.
func (s *Service) Damaged() (damaged []container.Volume, err error) {
	all, err := s.all()
	for _, v := range all {
		if v.Damaged != "" {
			damaged = append(damaged, v)
		}
	}
	return damaged, err
}

// Mend writes a new description of a volume whose own can't be read. What is in the volume stays. Its labels are lost, and
// it counts as one that a user named: a prune without PruneVolumesOptions.All does not remove it.
func (s *Service) Mend(ctx context.Context, name string) error {
	lock, err := s.lock(ctx, flock.Exclusive)
	if err != nil {
		return err
	}
	defer lock.Unlock()
	v, err := s.volume(name, map[string][]User{})
	if err != nil || v.Damaged == "" {
		return err
	}
	st, err := os.Stat(v.Path)
	if err != nil {
		return err
	}
	b, err := json.Marshal(container.Volume{Name: name, Created: st.ModTime()})
	if err != nil {
		return err
	}
	dir := filepath.Dir(s.file(name))
	return atomicfile.Write(s.file(name), b, atomicfile.Options{Sync: true, TempDir: dir})
}
