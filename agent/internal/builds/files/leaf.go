//go:build linux

package files

import (
	"errors"

	"golang.org/x/sys/unix"
)

// file copies a regular file, or makes one more name of a copy that there is.
func (c *copier) file(e *entry, dir int, name, full string) error {
	src, st, err := openFile(e.dir, e.name)
	if err != nil {
		return named(e.path, err)
	}
	defer unix.Close(src)
	if st.Nlink > 1 {
		key := [2]uint64{uint64(st.Dev), st.Ino}
		if first, known := c.links[key]; known {
			return failed(full, unix.Linkat(c.root, first, dir, name, 0))
		}
		c.links[key] = full
	}
	list, err := xattrsOf(fdPath(src))
	if err != nil {
		return named(e.path, err)
	}
	dst, err := unix.Openat(dir, name, unix.O_WRONLY|unix.O_CREAT|unix.O_EXCL|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0o600)
	if err != nil {
		return failed(full, err)
	}
	err = c.data.Copy(dst, src, st)
	if err == nil {
		err = c.attributes(dst, st, list)
	}
	if cerr := unix.Close(dst); err == nil {
		err = cerr
	}
	if err == nil {
		err = setTimes(dir, name, times(st))
	}
	return failed(full, err)
}

func (c *copier) symlink(e *entry, dir int, name string) error {
	target, err := readlink(e.dir, e.name)
	if err != nil {
		return err
	}
	if err := unix.Symlinkat(target, dir, name); err != nil {
		return err
	}
	return c.finish(e, dir, name)
}

// node makes a device or a named pipe. A user who can't make devices goes without: programs find those of /dev. In the place
// of a socket, which no layer can have, comes an empty file, as in BuildKit.
func (c *copier) node(e *entry, dir int, name string) error {
	what := kind(e.st)
	if what == unix.S_IFSOCK {
		what = unix.S_IFREG
	}
	err := unix.Mknodat(dir, name, what|0o600, int(e.st.Rdev))
	if errors.Is(err, unix.EPERM) {
		return nil
	}
	if err != nil {
		return err
	}
	if err := chown(dir, name, c.ownerOf(e.st)); err != nil {
		return err
	}
	if err := unix.Fchmodat(dir, name, c.perms.apply(e.st.Mode), 0); err != nil {
		return err
	}
	return setTimes(dir, name, times(e.st))
}

// finish gives a link its owner and times.
func (c *copier) finish(e *entry, dir int, name string) error {
	if err := chown(dir, name, c.ownerOf(e.st)); err != nil {
		return err
	}
	return setTimes(dir, name, times(e.st))
}
