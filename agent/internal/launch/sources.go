//go:build linux

package launch

import (
	"fmt"
	"os"
	"strings"

	"github.com/caisson-dev/caisson/agent/internal/names"
	"github.com/caisson-dev/caisson/container"
)

// sources finds where the mounts' files are on the host.
func (in *Inputs) sources(s *Service) error {
	for _, m := range in.Container.Mounts {
		src := m.Source
		var err error
		switch m.Type {
		case container.MountVolume:
			if src = s.cfg.Volumes.Path(m.Source); !in.plan {
				src, err = s.cfg.Volumes.Prepare(m, in.RootFS)
			}
		case container.MountBind:
			if _, serr := os.Stat(src); serr != nil {
				err = invalid("mount %s: source: %w", m.Target, serr)
			}
		case container.MountImage:
			if src = "/image " + m.Source; !in.plan {
				src, err = in.mountImage(s, m)
			}
		}
		if err != nil {
			return err
		}
		in.Sources = append(in.Sources, src)
	}
	return nil
}

// mountImage mounts an image until the container has it.
func (in *Inputs) mountImage(s *Service, m container.Mount) (string, error) {
	st := s.cfg.Images
	// The mount is one for all containers of this agent, and goes with the first that lets go of it.
	s.images.Lock()
	in.undo = append(in.undo, func() error { s.images.Unlock(); return nil })
	id := strings.TrimPrefix(m.Source, "sha256:")
	dir, err := st.MountImage(id, nil, "")
	if err != nil {
		return "", fmt.Errorf("mount %s: image %s: %w", m.Target, names.Short(id), err)
	}
	in.undo = append(in.undo, func() error {
		_, err := st.UnmountImage(id, true)
		return err
	})
	return dir, nil
}
