package images

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"go.podman.io/storage"

	"github.com/caisson-dev/caisson/agent/internal/tempdir"
	"github.com/caisson-dev/caisson/internal/flock"
)

// BuildSuffix is in the names of the storage containers that builds work in; what follows is the ID of the temporary directory of their process.
const BuildSuffix = "caisson-build-"

// collect removes what processes left that are gone: their temporary directories, the processes and control groups of
// their builds, the working containers of their builds, and layers of pulls that did not come to an image.
func (s *Store) collect() error {
	found, err := tempdir.Sweep(s.layout, s.temp.ID, s.sweep)
	if err != nil {
		return fmt.Errorf("collect what dead processes left: %w", err)
	}
	if !found {
		return nil
	}
	if err := s.collectWorking(); err != nil {
		return fmt.Errorf("collect the containers of dead builds: %w", err)
	}
	s.Left(LeftOver)
	s.collectOrphans()
	return nil
}

// working returns the owner of a build's working container.
func working(c *storage.Container) (owner string, ok bool) {
	for _, n := range c.Names {
		if i := strings.LastIndex(n, BuildSuffix); i >= 0 {
			owner, _, _ = strings.Cut(n[i+len(BuildSuffix):], "-")
			return owner, true
		}
	}
	return "", false
}

func (s *Store) collectWorking() error {
	return s.removeWorking(func(c *storage.Container) bool {
		owner, ok := working(c)
		return ok && owner != s.temp.ID && !tempdir.Alive(s.layout, owner)
	})
}

// RemoveWorking removes the working containers whose names have suffix: those of one build.
func (s *Store) RemoveWorking(suffix string) error {
	return s.removeWorking(func(c *storage.Container) bool {
		return slices.ContainsFunc(c.Names, func(n string) bool {
			_, rest, ok := strings.Cut(n, suffix)
			return ok && (rest == "" || rest[0] == '-')
		})
	})
}

func (s *Store) removeWorking(which func(*storage.Container) bool) error {
	containers, err := s.store.Containers()
	if err != nil {
		return err
	}
	var errs []error
	for _, c := range containers {
		if !which(&c) {
			continue
		}
		if _, err := s.store.Unmount(c.ID, true); err != nil && !errors.Is(err, storage.ErrLayerNotMounted) && !errors.Is(err, storage.ErrLayerUnknown) {
			s.log.Debug("unmount a dead build's container", "id", c.ID, "error", err)
		}
		if err := s.store.DeleteContainer(c.ID); err != nil && !errors.Is(err, storage.ErrContainerUnknown) {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// collectOrphans removes layers that belong to no image and no container, when a pull may have left some and no
// process is about to use them.
func (s *Store) collectOrphans() {
	if !s.left.due() {
		return
	}
	lock, err := flock.Try(filepath.Join(s.layout.Locks(), "store"), flock.Exclusive)
	if err != nil || lock == nil {
		return // others add to the store; dirty stays
	}
	defer lock.Unlock()
	if err := s.deleteOrphans(); err != nil {
		s.log.Warn("collect the layers of an unfinished pull", "error", err)
		return
	}
	s.left.collected()
}

// deleteOrphans is called with the store's exclusive lock: no process has a pull under way.
func (s *Store) deleteOrphans() error {
	if _, err := emptyDir(filepath.Join(s.layout.Graph(), "overlay", "staging")); err != nil {
		return fmt.Errorf("half unpacked layers: %w", err)
	}
	s.removeScraps()
	all, err := s.store.MultiList(storage.MultiListOptions{Images: true, Layers: true, Containers: true})
	if err != nil {
		return err
	}
	parents := make(map[string]string, len(all.Layers))
	for _, l := range all.Layers {
		parents[l.ID] = l.Parent
	}
	used := map[string]bool{}
	mark := func(id string) {
		for ; id != "" && !used[id]; id = parents[id] {
			used[id] = true
		}
	}
	for _, img := range all.Images {
		mark(img.TopLayer)
		for _, l := range img.MappedTopLayers {
			mark(l)
		}
	}
	for _, c := range all.Containers {
		mark(c.LayerID)
	}
	left := map[string]bool{}
	for _, l := range all.Layers {
		if !used[l.ID] && !l.ReadOnly {
			left[l.ID] = true
		}
	}
	for len(left) > 0 {
		n := len(left)
		for id := range left {
			if hasChild(id, left, parents) {
				continue
			}
			if err := s.store.DeleteLayer(id); err != nil && !errors.Is(err, storage.ErrLayerUnknown) && !errors.Is(err, os.ErrNotExist) {
				return err
			}
			delete(left, id)
		}
		if len(left) == n {
			return errors.New("layers are each other's parents")
		}
	}
	return nil
}

func hasChild(id string, among map[string]bool, parents map[string]string) bool {
	for c := range among {
		if parents[c] == id {
			return true
		}
	}
	return false
}
