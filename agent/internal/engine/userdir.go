//go:build linux

package engine

import (
	"os"
	"path/filepath"

	"github.com/caisson-dev/caisson/agent/internal/host"
)

// rootlessUID is what the owner calls the variable that has the user's number outside of the user namespace.
const rootlessUID = "_CONTAINERS_ROOTLESS_UID"

// userDir is the user's directory of run-time files, where the environment names none. What is imported would take that of
// user 0, since that is who this process is in its user namespace: /run/containers/0 is root's, and it can't be read. The
// user's own auth.json there is linked to, if there is one.
func (a *agent) userDir() error {
	if !host.Rootless() || os.Getenv("XDG_RUNTIME_DIR") != "" {
		return nil
	}
	dir := filepath.Join(a.dir, "user")
	if err := os.MkdirAll(filepath.Join(dir, "containers"), 0o700); err != nil {
		return err
	}
	login := filepath.Join("/run/containers", os.Getenv(rootlessUID), "auth.json")
	if f, err := os.Open(login); err == nil {
		f.Close()
		if err := os.Symlink(login, filepath.Join(dir, "containers", "auth.json")); err != nil {
			return err
		}
	}
	return os.Setenv("XDG_RUNTIME_DIR", dir)
}
