//go:build linux

package volumes

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	pathrs "github.com/cyphar/filepath-securejoin/pathrs-lite"
	storagecopy "go.podman.io/storage/drivers/copy"

	"github.com/caisson-dev/caisson/container"
)

// Prepare makes a volume ready to be mounted as m says in the root file system at rootfs, and returns the directory of
// its content. An empty volume is filled with what the image has at the mount's target, owner and mode too, as Docker
// does.
func (s *Service) Prepare(m container.Mount, rootfs string) (string, error) {
	dir := s.Path(m.Source)
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
