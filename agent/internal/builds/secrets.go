//go:build linux

package builds

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/caisson-dev/caisson/internal/api"
)

// keepSecrets puts the secrets where imagebuildah can read them by a path, in memory alone.
func (b *build) keepSecrets() (forget func(), err error) {
	b.secrets = map[string]string{}
	var files []*os.File
	forget = func() {
		for _, f := range files {
			f.Close()
		}
	}
	for id, text := range b.req.Run.Secrets {
		if id == "" || strings.ContainsAny(id, ",=") {
			forget()
			return nil, api.Errorf(api.ErrInvalidArgument, "build: Run.Secrets %q: a name must not contain a comma or an equals sign", id)
		}
		fd, err := unix.MemfdCreate("build-secret", unix.MFD_CLOEXEC)
		if err != nil {
			forget()
			return nil, os.NewSyscallError("memfd_create", err)
		}
		f := os.NewFile(uintptr(fd), "build-secret")
		files = append(files, f)
		if _, err := f.Write(text); err != nil {
			forget()
			return nil, err
		}
		b.secrets[id] = fmt.Sprintf("/proc/self/fd/%d", fd)
	}
	return forget, nil
}

// sshSocket is the longest that buildah adds to the temporary directory for the socket that it forwards.
const sshSocket = "/.buildah-ssh-sock4294967295/ssh_auth_sock"

// checkSSH finds what imagebuildah would say without a name, or only when a step asks for it.
func (b *build) checkSSH() error {
	const longest = len(unix.RawSockaddrUnix{}.Path) - 1
	if over := len(b.s.images.Temp().Dir) + len(sshSocket) - longest; over > 0 && len(b.req.Run.SSH) > 0 {
		return api.Errorf(api.ErrUnsupported, "build: Run.SSH: a socket in the store's directory %s would have a path %d bytes longer than the kernel allows: use a store with a shorter Root", b.s.images.Temp().Dir, over)
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
