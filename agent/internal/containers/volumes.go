//go:build linux

package containers

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	pathrs "github.com/cyphar/filepath-securejoin/pathrs-lite"
	storagecopy "go.podman.io/storage/drivers/copy"

	"github.com/caisson-dev/caisson/agent/internal/names"
	"github.com/caisson-dev/caisson/container"
)

func (s *Service) volumeDir(name string) string {
	return filepath.Join(s.layout.Volumes(), name, "_data")
}

// makeVolumes makes the directories of the record's volumes, and names the anonymous ones.
func (s *Service) makeVolumes(ctx context.Context, rec *Record) error {
	if !slices.ContainsFunc(rec.Mounts, func(m container.Mount) bool { return m.Type == container.MountVolume }) {
		return nil
	}
	lock, err := s.lockVolumes(ctx, false)
	if err != nil {
		return err
	}
	defer lock.Unlock()
	for i := range rec.Mounts {
		m := &rec.Mounts[i]
		if m.Type != container.MountVolume {
			continue
		}
		if m.Source == "" {
			m.Source = names.NewID()
			rec.Volumes = append(rec.Volumes, m.Source)
			// In the record before it exists: whatever happens then, it goes with the container.
			if err := s.save(rec.ID, "config.json", rec); err != nil {
				return err
			}
		}
		if err := s.makeVolume(container.Volume{Name: m.Source, Anonymous: slices.Contains(rec.Volumes, m.Source)}); err != nil {
			return err
		}
	}
	return nil
}

// prepareVolume fills an empty volume with what the image has at its target, owner and mode too, as Docker does. It
// returns the volume's directory.
func (s *Service) prepareVolume(m container.Mount, rootfs string) (string, error) {
	dir := s.volumeDir(m.Source)
	entries, err := os.ReadDir(dir)
	if err != nil {
		return "", fmt.Errorf("volume %s: %w", m.Source, err)
	}
	if len(entries) > 0 || m.NoCopy {
		return dir, nil
	}
	h, err := pathrs.OpenInRoot(rootfs, m.Target)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrInvalid) {
		return dir, nil
	}
	if err != nil {
		return "", fmt.Errorf("volume %s: open %s of the image: %w", m.Source, m.Target, err)
	}
	defer h.Close()
	st, err := h.Stat()
	if err != nil || !st.IsDir() {
		return dir, err
	}
	// Through the descriptor: the path can't be changed under it.
	src := fmt.Sprintf("/proc/self/fd/%d/.", h.Fd())
	if err := storagecopy.DirCopy(src, dir, storagecopy.Content, true); err != nil {
		return "", fmt.Errorf("volume %s: copy %s of the image: %w", m.Source, m.Target, err)
	}
	return dir, nil
}

func (s *Service) removeVolumes(rec *Record) error {
	var errs []error
	for _, v := range rec.Volumes {
		errs = append(errs, s.eraseVolume(v))
	}
	return errors.Join(errs...)
}
