//go:build linux

package rootfs

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"

	pathrs "github.com/cyphar/filepath-securejoin/pathrs-lite"
	"golang.org/x/sys/unix"

	"github.com/caisson-dev/caisson/agent/internal/pack"
)

// fdPath names an open file for calls that take paths only. The agent's own /proc is not the container's.
func fdPath(f *os.File) string { return fmt.Sprintf("/proc/thread-self/fd/%d", f.Fd()) }

func openPath(dir string) (*os.File, error) {
	return os.OpenFile(dir, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
}

// makeDirs opens a directory below root and makes what is missing of the way to it. made is called for each new one.
func makeDirs(root *os.File, name string, made func(dir *os.File) error) (*os.File, error) {
	h, err := pathrs.OpenatInRoot(root, name)
	if !errors.Is(err, fs.ErrNotExist) || name == "/" {
		return h, err
	}
	parent, err := makeDirs(root, path.Dir(name), made)
	if err != nil {
		return nil, err
	}
	defer parent.Close()
	base := path.Base(name)
	if err := unix.Mkdirat(int(parent.Fd()), base, 0o755); err != nil && !errors.Is(err, unix.EEXIST) {
		return nil, &fs.PathError{Op: "mkdir", Path: name, Err: err}
	}
	if h, err = pack.Openat(parent, base, unix.O_PATH|unix.O_NOFOLLOW|unix.O_DIRECTORY); err != nil {
		return nil, err
	}
	// The umask of the owner's process is not the container's.
	if err = os.Chmod(fdPath(h), 0o755); err == nil && made != nil {
		err = made(h)
	}
	if err != nil {
		h.Close()
		return nil, err
	}
	return h, nil
}
