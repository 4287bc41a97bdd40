//go:build linux

package rootfs

import (
	"os"
	"path"
	"time"

	"golang.org/x/sys/unix"

	"github.com/caisson-dev/caisson/agent/internal/pack"
	"github.com/caisson-dev/caisson/container"
)

func (v *View) stat(name string, follow bool) (*container.FileInfo, error) {
	h, err := v.open(name, follow)
	if err != nil {
		return nil, err
	}
	defer h.Close()
	return fileInfo(h, name)
}

// fileInfo describes a file for the caller.
func fileInfo(h *os.File, name string) (*container.FileInfo, error) {
	st, err := pack.Fstat(h)
	if err != nil {
		return nil, err
	}
	info := &container.FileInfo{
		Name: path.Base(path.Clean("/" + name)), Size: st.Size, Mode: pack.FileMode(st.Mode), ModTime: time.Unix(st.Mtim.Unix()),
		UID: int(st.Uid), GID: int(st.Gid),
	}
	if st.Mode&unix.S_IFMT == unix.S_IFLNK {
		if info.LinkTarget, err = pack.Readlink(h); err != nil {
			return nil, err
		}
	}
	return info, nil
}
