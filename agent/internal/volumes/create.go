//go:build linux

package volumes

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

	"github.com/caisson-dev/caisson/agent/internal/names"
	"github.com/caisson-dev/caisson/container"
	"github.com/caisson-dev/caisson/internal/atomicfile"
	"github.com/caisson-dev/caisson/internal/flock"
)

func (s *Service) create(r *http.Request, opts container.VolumeOptions) (*container.Volume, error) {
	anonymous := opts.Name == ""
	if anonymous {
		opts.Name = names.NewID()
	} else if err := names.Check("VolumeOptions.Name", opts.Name); err != nil {
		return nil, err
	}
	if err := names.CheckLabels("VolumeOptions.Labels", opts.Labels); err != nil {
		return nil, err
	}
	lock, err := s.lock(r.Context(), flock.Shared)
	if err != nil {
		return nil, err
	}
	defer lock.Unlock()
	if err := s.make(container.Volume{Name: opts.Name, Labels: opts.Labels, Anonymous: anonymous}, true); err != nil {
		return nil, err
	}
	return s.volume(opts.Name, nil)
}

// NameAnonymous gives the volumes among mounts that have no name one, and returns these names.
func NameAnonymous(mounts []container.Mount) (anonymous []string) {
	for i := range mounts {
		if m := &mounts[i]; m.Type == container.MountVolume && m.Source == "" {
			m.Source = names.NewID()
			anonymous = append(anonymous, m.Source)
		}
	}
	return anonymous
}

// Make makes the volumes that mounts name and that do not exist. Those that anonymous names too go with their
// container. The container's record has them already: whatever happens, they go with it. A durable container's survive a
// crash of the machine, as all do that have a name of the user's.
func (s *Service) Make(ctx context.Context, mounts []container.Mount, anonymous []string, durable bool) error {
	if !slices.ContainsFunc(mounts, func(m container.Mount) bool { return m.Type == container.MountVolume }) {
		return nil
	}
	lock, err := s.lock(ctx, flock.Shared)
	if err != nil {
		return err
	}
	defer lock.Unlock()
	for _, m := range mounts {
		if m.Type != container.MountVolume {
			continue
		}
		v := container.Volume{Name: m.Source, Anonymous: slices.Contains(anonymous, m.Source)}
		if err := s.make(v, !v.Anonymous || durable); err != nil {
			return err
		}
	}
	return nil
}

// make makes a volume unless it exists; the lock is held.
func (s *Service) make(v container.Volume, durable bool) error {
	if _, err := os.Lstat(s.Path(v.Name)); err == nil {
		return nil
	}
	v.Created = time.Now()
	made, err := s.write(v, durable)
	if err != nil {
		return fmt.Errorf("make volume %s: %w", v.Name, err)
	}
	if made {
		s.cfg.Emit(container.Event{Type: container.EventVolume, Action: container.EventCreate, ID: v.Name, Labels: v.Labels})
	}
	return nil
}

// write makes a volume's directories. The umask of the owner's process is not the container's, so modes are set apart.
func (s *Service) write(v container.Volume, durable bool) (made bool, err error) {
	b, err := json.Marshal(v)
	if err != nil {
		return false, err
	}
	dir := filepath.Dir(s.file(v.Name))
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return false, err
	}
	if err := atomicfile.Write(s.file(v.Name), b, atomicfile.Options{Sync: durable, TempDir: dir}); err != nil {
		return false, err
	}
	err = os.Mkdir(s.Path(v.Name), 0o755) // last: it is what makes it a volume
	if errors.Is(err, fs.ErrExist) {
		return false, nil // another was faster
	}
	if err != nil {
		return false, err
	}
	if err := os.Chmod(s.Path(v.Name), 0o755); err != nil || !durable {
		return true, err
	}
	return true, errors.Join(atomicfile.SyncDir(dir), atomicfile.SyncDir(s.cfg.Dir))
}
