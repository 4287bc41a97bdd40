//go:build linux

package launch

import (
	"os"
	"path/filepath"

	"github.com/caisson-dev/caisson/agent/internal/pid1"
)

// writeInit writes the container's own copy of init; see package pid1 for why there is no other.
func (s *Service) writeInit(id string) error {
	path := filepath.Join(s.cfg.Dir(id), "init")
	if err := os.WriteFile(path, pid1.Program(), 0o755); err != nil {
		return err
	}
	return os.Chmod(path, 0o555) // the umask of the owner's process is not the container's
}
