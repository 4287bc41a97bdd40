//go:build linux

package containers

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/caisson-dev/caisson/agent/internal/diskspace"
	"github.com/caisson-dev/caisson/agent/internal/images"
	"github.com/caisson-dev/caisson/agent/internal/names"
	"github.com/caisson-dev/caisson/agent/internal/state"
	"github.com/caisson-dev/caisson/agent/internal/wire"
	"github.com/caisson-dev/caisson/container"
	"github.com/caisson-dev/caisson/internal/api"
)

func (s *Service) routeVolumes(mux *http.ServeMux) {
	mux.HandleFunc("POST /volumes/create", wire.Handle(s.createVolume))
	mux.HandleFunc("GET /volumes/list", wire.Handle(s.listVolumes))
	mux.HandleFunc("GET /volumes/get", wire.Handle(s.getVolume))
	mux.HandleFunc("POST /volumes/remove", wire.Handle(s.removeVolume))
	mux.HandleFunc("POST /volumes/prune", wire.Handle(s.pruneVolumes))
}

// lockVolumes: exclusive for those who remove, shared for those who make volumes or look at who has one. A container
// has its volumes in its record before it asks for the lock, so a remover sees it, or the container makes them anew.
func (s *Service) lockVolumes(ctx context.Context, exclusive bool) (*state.Lock, error) {
	return state.Acquire(ctx, filepath.Join(s.layout.Locks(), "volumes"), exclusive)
}

func (s *Service) volumeFile(name string) string {
	return filepath.Join(s.layout.Volumes(), name, "volume.json")
}

func (s *Service) createVolume(r *http.Request, opts container.VolumeOptions) (*container.Volume, error) {
	anonymous := opts.Name == ""
	if anonymous {
		opts.Name = names.NewID()
	} else if !names.Valid(opts.Name) {
		return nil, invalid("VolumeOptions.Name %q: it must match %s", opts.Name, names.Pattern())
	}
	if err := names.CheckLabels("VolumeOptions.Labels", opts.Labels); err != nil {
		return nil, err
	}
	lock, err := s.lockVolumes(r.Context(), false)
	if err != nil {
		return nil, err
	}
	defer lock.Unlock()
	if err := s.makeVolume(container.Volume{Name: opts.Name, Labels: opts.Labels, Anonymous: anonymous}); err != nil {
		return nil, err
	}
	return s.volume(opts.Name, nil)
}

// makeVolume makes a volume unless it exists; the lock is held.
func (s *Service) makeVolume(v container.Volume) error {
	if _, err := os.Lstat(s.volumeDir(v.Name)); err == nil {
		return nil
	}
	v.Created = time.Now()
	dir := filepath.Dir(s.volumeFile(v.Name))
	b, err := json.Marshal(v)
	if err == nil {
		err = os.MkdirAll(dir, 0o711) // a container's user walks through it
	}
	if err == nil {
		err = os.Chmod(dir, 0o711) // the umask of the owner's process is not the container's
	}
	if err == nil {
		err = os.WriteFile(s.volumeFile(v.Name), b, 0o600)
	}
	if err == nil {
		err = os.Mkdir(s.volumeDir(v.Name), 0o755) // last: it is what makes it a volume
	}
	if errors.Is(err, fs.ErrExist) {
		return nil // another was faster
	}
	if err == nil {
		err = os.Chmod(s.volumeDir(v.Name), 0o755)
	}
	if err != nil {
		return fmt.Errorf("make volume %s: %w", v.Name, err)
	}
	s.Emit(container.Event{Type: container.EventVolume, Action: container.EventCreate, ID: v.Name, Labels: v.Labels})
	return nil
}

// volume describes a volume. users may be nil: then it looks for those of this one.
func (s *Service) volume(name string, users map[string][]string) (*container.Volume, error) {
	missing := api.Errorf(api.ErrNotFound, "volume %s: no such volume", name)
	if !names.Valid(name) {
		return nil, missing
	}
	st, err := os.Lstat(s.volumeDir(name))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, missing
	}
	if err != nil {
		return nil, err
	}
	v := &container.Volume{Created: st.ModTime()}
	if b, err := os.ReadFile(s.volumeFile(name)); err == nil {
		if err := json.Unmarshal(b, v); err != nil {
			return nil, fmt.Errorf("volume %s: %w", name, err)
		}
	} else if !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	if users == nil {
		if users, err = s.volumeUsers(); err != nil {
			return nil, err
		}
	}
	v.Name, v.Path, v.Containers = name, s.volumeDir(name), users[name]
	return v, nil
}

// volumeUsers returns the containers that mount each volume, also those that are being made.
func (s *Service) volumeUsers() (map[string][]string, error) {
	entries, err := os.ReadDir(s.layout.Containers())
	if err != nil {
		return nil, err
	}
	users := map[string][]string{}
	for _, e := range entries {
		rec, err := s.loadRecord(e.Name())
		if errors.Is(err, api.ErrNotFound) {
			continue
		}
		if err != nil {
			return nil, err
		}
		for _, m := range rec.Mounts {
			if m.Type == container.MountVolume && m.Source != "" && !slices.Contains(users[m.Source], rec.ID) {
				users[m.Source] = append(users[m.Source], rec.ID)
			}
		}
	}
	return users, nil
}

func (s *Service) getVolume(r *http.Request, _ wire.None) (*container.Volume, error) {
	return s.volume(r.URL.Query().Get("name"), nil)
}

func (s *Service) listVolumes(*http.Request, wire.None) ([]container.Volume, error) {
	entries, err := os.ReadDir(s.layout.Volumes())
	if err != nil {
		return nil, err
	}
	users, err := s.volumeUsers()
	if err != nil {
		return nil, err
	}
	out := []container.Volume{}
	for _, e := range entries {
		v, err := s.volume(e.Name(), users)
		if errors.Is(err, api.ErrNotFound) {
			continue // half made or just removed
		}
		if err != nil {
			return nil, err
		}
		out = append(out, *v)
	}
	return out, nil
}

func (s *Service) removeVolume(r *http.Request, _ wire.None) (wire.None, error) {
	lock, err := s.lockVolumes(r.Context(), true)
	if err != nil {
		return wire.None{}, err
	}
	defer lock.Unlock()
	v, err := s.volume(r.URL.Query().Get("name"), nil)
	if err != nil {
		return wire.None{}, err
	}
	if len(v.Containers) > 0 {
		id := v.Containers[0]
		name := id
		if rec, err := s.loadRecord(id); err == nil {
			name = rec.Name
		}
		return wire.None{}, api.Errorf(api.ErrInUse, "volume %s: container %s (%s) mounts it: remove that first", v.Name, name, names.Short(id))
	}
	return wire.None{}, s.eraseVolume(v.Name)
}

// eraseVolume removes a volume; the lock is held exclusively, or it is anonymous and its container goes.
func (s *Service) eraseVolume(name string) error {
	if err := os.RemoveAll(filepath.Join(s.layout.Volumes(), name)); err != nil {
		return fmt.Errorf("remove volume %s: %w", name, err)
	}
	s.Emit(container.Event{Type: container.EventVolume, Action: container.EventDestroy, ID: name})
	return nil
}

func (s *Service) pruneVolumes(r *http.Request, opts container.PruneVolumesOptions) (container.PruneResult, error) {
	var res container.PruneResult
	lock, err := s.lockVolumes(r.Context(), true)
	if err != nil {
		return res, err
	}
	defer lock.Unlock()
	all, err := s.listVolumes(r, wire.None{})
	if err != nil {
		return res, err
	}
	for _, v := range all {
		if len(v.Containers) > 0 || !v.Anonymous && !opts.All || !images.Labelled(v.Labels, opts.Labels) {
			continue
		}
		size := diskspace.Usage(v.Path)
		if err := s.eraseVolume(v.Name); err != nil {
			return res, err
		}
		res.Deleted = append(res.Deleted, v.Name)
		res.Space += size
	}
	return res, nil
}
