package layer

import (
	"errors"
	"io/fs"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"

	"go.podman.io/storage/pkg/archive"
	"golang.org/x/sys/unix"

	"github.com/caisson-dev/caisson/internal/api"
)

const whiteout = ".wh."

// parent makes a directory, with all above it, and returns its name without links.
func (u *unpack) parent(dir string) (string, error) {
	if dir == u.at && dir != "" {
		return u.real, nil
	}
	var missing []string // two thousand may be on the way to one file
	for d := dir; d != "/"; d = path.Dir(d) {
		if _, err := os.Stat(d); !errors.Is(err, fs.ErrNotExist) {
			break
		}
		missing = append(missing, d)
	}
	for _, d := range slices.Backward(missing) {
		if err := u.guard.Entry(); err != nil {
			return "", err
		}
		if err := os.Mkdir(d, 0o755); err != nil {
			return "", err
		}
	}
	real, err := u.withoutLinks(dir)
	if err != nil {
		return "", err
	}
	u.at, u.real = dir, real
	return real, nil
}

func (u *unpack) withoutLinks(dir string) (string, error) {
	how := &unix.OpenHow{Flags: unix.O_PATH | unix.O_DIRECTORY | unix.O_CLOEXEC, Resolve: unix.RESOLVE_NO_SYMLINKS}
	fd, err := unix.Openat2(unix.AT_FDCWD, dir, how)
	if err == nil {
		return dir, unix.Close(fd)
	}
	if !errors.Is(err, unix.ELOOP) {
		return "", err
	}
	if fd, err = unix.Open(dir, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0); err != nil {
		return "", err
	}
	defer unix.Close(fd) // it was only looked at
	buf := make([]byte, unix.PathMax)
	n, err := unix.Readlinkat(int(u.fds.Fd()), strconv.Itoa(fd), buf)
	if err != nil {
		return "", os.NewSyscallError("readlink", err)
	}
	return string(buf[:n]), nil
}

// whiteout hides what the layers below have, and nothing of this one (OCI image-spec, layer.md).
func (u *unpack) whiteout(dir, base string) error {
	switch {
	case base == archive.WhiteoutOpaqueDir:
		return opaque(dir)
	case strings.HasPrefix(base, archive.WhiteoutMetaPrefix):
		return nil // aufs's own, of no meaning here
	}
	name := base[len(whiteout):]
	if name == "" || name == "." || name == ".." {
		return api.Errorf(api.ErrCorrupt, "a whiteout of the parent")
	}
	p := path.Join(dir, name)
	err := unix.Mknod(p, unix.S_IFCHR, 0)
	if !errors.Is(err, fs.ErrExist) {
		return err
	}
	if st, err := os.Lstat(p); err != nil || !st.IsDir() {
		return err
	}
	return opaque(p)
}

func opaque(dir string) error {
	return unix.Setxattr(dir, archive.GetOverlayXattrName("opaque"), []byte("y"), 0)
}

// replace makes way for p, which an earlier entry may have made. A directory with something in it stays: the files in it
// must be there when the layer is packed again.
func (u *unpack) replace(p string, dir bool, make func(p string) error) error {
	err := make(p)
	if !errors.Is(err, fs.ErrExist) {
		return err
	}
	var st unix.Stat_t
	if err := unix.Lstat(p, &st); err != nil {
		return err
	}
	if dir && st.Mode&unix.S_IFMT == unix.S_IFDIR {
		return nil
	}
	if p == "/" {
		return api.Errorf(api.ErrCorrupt, "the root is not a directory")
	}
	u.at = "" // it may have been a link on the way there
	if err := os.Remove(p); err != nil {
		return err
	}
	if err := make(p); err != nil || !dir || st.Mode&unix.S_IFMT != unix.S_IFCHR || st.Rdev != 0 {
		return err
	}
	return opaque(p) // instead of the whiteout that was there
}

// malformed gives errors of the kernel that say that an archive makes no sense the sentinel of broken ones.
func malformed(err error) error {
	for _, e := range []unix.Errno{unix.ENOTDIR, unix.EISDIR, unix.ENOTEMPTY, unix.ELOOP, unix.ENAMETOOLONG, unix.EINVAL, unix.EEXIST, unix.ENOENT, unix.EMLINK, unix.EXDEV, unix.ERANGE, unix.E2BIG} {
		if errors.Is(err, e) {
			return api.Errorf(api.ErrCorrupt, "%w", err)
		}
	}
	return err
}
