//go:build linux

package rootfs

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"strings"

	pathrs "github.com/cyphar/filepath-securejoin/pathrs-lite"
	"golang.org/x/sys/unix"

	"github.com/caisson-dev/caisson/agent/internal/names"
	"github.com/caisson-dev/caisson/agent/internal/pack"
	"github.com/caisson-dev/caisson/internal/api"
)

// View is the file system of one container.
type View struct {
	id      string   // of the container, for messages
	root    *os.File // O_PATH
	path    string   // of the layer, in this agent's mount namespace
	ns      *os.File // the mount namespace of a container that does not run, or nil
	release func() error
}

// Close ends the view.
func (v *View) Close() error {
	v.root.Close()
	if v.ns != nil {
		v.ns.Close() // the last: its mounts go with it
	}
	return v.release()
}

// WhenClosed makes f let go of the layer when the view is closed. release is what would have been done without it.
func (v *View) WhenClosed(f func(release func() error) error) {
	release := v.release
	v.release = func() error { return f(release) }
}

// open returns an O_PATH descriptor of a file. follow: what a link at the end leads to.
func (v *View) open(name string, follow bool) (*os.File, error) {
	clean := path.Clean("/" + name)
	follow = follow || clean == "/" || strings.HasSuffix(name, "/") || strings.HasSuffix(name, "/.")
	at := clean
	if !follow {
		at = path.Dir(clean)
	}
	h, err := pathrs.OpenatInRoot(v.root, at)
	if err == nil && !follow {
		dir := h
		h, err = pack.Openat(dir, path.Base(clean), unix.O_PATH|unix.O_NOFOLLOW)
		dir.Close()
	}
	if err == nil && strings.HasSuffix(name, "/") {
		if st, serr := h.Stat(); serr == nil && !st.IsDir() {
			h.Close()
			err = unix.ENOTDIR
		}
	}
	return h, v.explain(name, err)
}

// explain gives an error about a name in the container the sentinel that a caller matches.
func (v *View) explain(name string, err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, fs.ErrNotExist):
		return api.Errorf(api.ErrNotFound, "container %s: %s: no such file or directory", names.Short(v.id), name)
	case errors.Is(err, unix.ENOTDIR), errors.Is(err, unix.ELOOP), errors.Is(err, unix.ENAMETOOLONG), errors.Is(err, unix.EEXIST), errors.Is(err, unix.EISDIR),
		errors.Is(err, unix.EINVAL), errors.Is(err, unix.EXDEV), errors.Is(err, unix.EMLINK):
		return api.Errorf(api.ErrInvalidArgument, "container %s: %s: %w", names.Short(v.id), name, pack.Bare(err))
	case errors.Is(err, unix.EROFS):
		return api.Errorf(api.ErrPermission, "container %s: %s: it is read-only: copy into a volume that is not read-only", names.Short(v.id), name)
	}
	return fmt.Errorf("container %s: %s: %w", names.Short(v.id), name, pack.Bare(err))
}
