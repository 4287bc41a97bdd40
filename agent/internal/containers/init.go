//go:build linux

package containers

import (
	"os"
	"path/filepath"
	"slices"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/caisson-dev/caisson/agent/internal/pid1"
	"github.com/caisson-dev/caisson/container"
)

// writeInit writes the container's own copy of init; see package pid1 for why there is no other.
func (s *Service) writeInit(rec *Record) error {
	path := filepath.Join(s.dir(rec.ID), "init")
	if err := os.WriteFile(path, pid1.Program(), 0o755); err != nil {
		return err
	}
	return os.Chmod(path, 0o555) // the umask of the owner's process is not the container's
}

// addInit makes init the first process. It lies in /dev, which is the container's own: the image has no trace of it.
func addInit(s *specs.Spec, in specInput) {
	path := "/dev/caisson-init"
	if slices.ContainsFunc(in.Record.Mounts, func(m container.Mount) bool { return m.Target == "/dev" }) {
		path = "/sbin/caisson-init"
	}
	s.Mounts = append(s.Mounts, specs.Mount{
		Destination: path, Type: "bind", Source: filepath.Join(in.Files, "init"), Options: []string{"bind", "rprivate", "ro", "nosuid", "nodev"},
	})
	s.Process.Args = append([]string{path, "--"}, s.Process.Args...)
}
