//go:build linux

package volumes

import (
	"os"

	"github.com/caisson-dev/caisson/container"
	"github.com/caisson-dev/caisson/internal/api"
)

// MakeSources makes the directories of the host that bind mounts with CreateSource want and that do not exist. What
// exists is mounted as it is: a directory, a file, a socket, a device, or what a link leads to. It is called when all
// else of a container is found right.
func MakeSources(mounts []container.Mount) error {
	for i, m := range mounts {
		if !m.CreateSource {
			continue
		}
		if _, err := os.Stat(m.Source); err == nil {
			continue
		}
		if err := os.MkdirAll(m.Source, 0o755); err != nil {
			return api.Errorf(api.ErrInvalidArgument, "Options.Mounts[%d].Source: %w", i, err)
		}
	}
	return nil
}
