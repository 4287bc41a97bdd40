//go:build linux

package builds

import (
	"errors"
	"os"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/caisson-dev/caisson/internal/api"
)

// checkSecrets checks the names of the secrets.
func (b *build) checkSecrets() error {
	for id := range b.req.Run.Secrets {
		if id == "" || strings.ContainsAny(id, ",=") {
			return api.Errorf(api.ErrInvalidArgument, "build: Run.Secrets %q: a name must not contain a comma or an equals sign", id)
		}
	}
	return nil
}

// sshSocket is the longest that a step's SSH socket adds to the temporary directory.
const sshSocket = "/.buildah-ssh-sock4294967295/ssh_auth_sock"

// checkSSH finds what would fail only when a step asks for it.
func (b *build) checkSSH() error {
	const longest = len(unix.RawSockaddrUnix{}.Path) - 1
	if over := len(b.s.images.Temp().Path) + len(sshSocket) - longest; over > 0 && len(b.req.Run.SSH) > 0 {
		return api.Errorf(api.ErrUnsupported, "build: Run.SSH: a socket in the store's directory %s would have a path %d bytes longer than the kernel allows: use a store with a shorter Root", b.s.images.Temp().Path, over)
	}
	for id, path := range b.req.Run.SSH {
		if id == "" || strings.ContainsAny(id, ",=") {
			return api.Errorf(api.ErrInvalidArgument, "build: Run.SSH %q: a name must not contain a comma or an equals sign; the usual name is default", id)
		}
		if strings.Contains(path, ",") {
			return api.Errorf(api.ErrInvalidArgument, "build: Run.SSH %s: %s: the path of an agent's socket can't have a comma", id, path)
		}
		st, err := os.Stat(path)
		if err == nil && st.Mode()&os.ModeSocket == 0 && !st.Mode().IsRegular() {
			err = errors.New("it is neither a socket nor a file")
		}
		if err != nil {
			return api.Errorf(api.ErrInvalidArgument, "build: Run.SSH %s: %w: name the socket of an SSH agent or a private key's file", id, err)
		}
	}
	return nil
}
