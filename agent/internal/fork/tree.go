//go:build linux

package fork

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"path"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/caisson-dev/caisson/agent/internal/diskspace"
	"github.com/caisson-dev/caisson/agent/internal/filedata"
)

// Tree makes the directory to, which is empty, equal to the directory from: names, kinds, contents, owners, modes, times,
// attributes, and which files are names of one another. Nothing may write to either meanwhile.
func Tree(ctx context.Context, from, to string) (err error) {
	guard, err := diskspace.NewGuard(ctx, to)
	if err != nil {
		return err
	}
	defer guard.Close()
	guard.Max = math.MaxInt // they are the user's
	src, err := openDir(unix.AT_FDCWD, from)
	if err != nil {
		return &os.PathError{Op: "open", Path: from, Err: err}
	}
	defer unix.Close(src)
	dst, err := openDir(unix.AT_FDCWD, to)
	if err != nil {
		return &os.PathError{Op: "open", Path: to, Err: err}
	}
	defer unix.Close(dst)
	t := &tree{ctx: ctx, guard: guard, data: &filedata.Copier{Guard: guard}, root: dst, links: map[[2]uint64]string{}}
	return t.dir(src, dst, "")
}

// tree copies one directory.
type tree struct {
	ctx   context.Context
	guard *diskspace.Guard
	data  *filedata.Copier
	root  int
	links map[[2]uint64]string // files with several names, by device and inode: their first copy
}

func openDir(dir int, name string) (int, error) {
	return unix.Openat(dir, name, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
}

// dir copies what is in an open directory, and then what is to be known of itself.
func (t *tree) dir(src, dst int, name string) error {
	if t.ctx.Err() != nil {
		return context.Cause(t.ctx)
	}
	var st unix.Stat_t
	if err := unix.Fstat(src, &st); err != nil {
		return failed(name, err)
	}
	fd, err := openDir(src, ".")
	if err != nil {
		return failed(name, err)
	}
	list := os.NewFile(uintptr(fd), name)
	names, err := list.Readdirnames(-1)
	list.Close()
	if err != nil {
		return failed(name, err)
	}
	for _, n := range names {
		if err := t.entry(src, dst, n, path.Join(name, n)); err != nil {
			return err
		}
	}
	if err := attributes(src, dst, &st); err != nil {
		return failed(name, err)
	}
	return failed(name, unix.UtimesNanoAt(dst, ".", times(&st), 0))
}

// entry copies what a name stands for.
func (t *tree) entry(src, dst int, base, name string) error {
	if err := t.guard.Entry(); err != nil {
		return failed(name, err)
	}
	var st unix.Stat_t
	if err := unix.Fstatat(src, base, &st, unix.AT_SYMLINK_NOFOLLOW); err != nil {
		return failed(name, err)
	}
	kind := st.Mode & unix.S_IFMT
	if kind == unix.S_IFDIR {
		return t.subdir(src, dst, base, name)
	}
	id := [2]uint64{st.Dev, st.Ino}
	if first, ok := t.links[id]; ok && st.Nlink > 1 {
		return failed(name, unix.Linkat(t.root, first, dst, base, 0))
	}
	var err error
	switch kind {
	case unix.S_IFREG:
		err = t.file(src, dst, base)
	case unix.S_IFLNK:
		err = t.symlink(src, dst, base, &st)
	default:
		err = t.node(dst, base, &st)
	}
	if err == nil && st.Nlink > 1 {
		t.links[id] = name
	}
	if err == nil {
		err = unix.UtimesNanoAt(dst, base, times(&st), unix.AT_SYMLINK_NOFOLLOW)
	}
	return failed(name, err)
}

func (t *tree) subdir(src, dst int, base, name string) error {
	if err := unix.Mkdirat(dst, base, 0o700); err != nil {
		return failed(name, err)
	}
	from, err := openDir(src, base)
	if err != nil {
		return failed(name, err)
	}
	defer unix.Close(from)
	to, err := openDir(dst, base)
	if err != nil {
		return failed(name, err)
	}
	defer unix.Close(to)
	return t.dir(from, to, name)
}

func (t *tree) file(src, dst int, base string) error {
	from, err := unix.Openat(src, base, unix.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(from)
	var st unix.Stat_t // of what was opened
	if err := unix.Fstat(from, &st); err != nil {
		return err
	}
	to, err := unix.Openat(dst, base, unix.O_WRONLY|unix.O_CREAT|unix.O_EXCL|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0o600)
	if err != nil {
		return err
	}
	defer unix.Close(to)
	if err := t.data.Copy(to, from, &st); err != nil {
		return err
	}
	return attributes(from, to, &st)
}

func (t *tree) symlink(src, dst int, base string, st *unix.Stat_t) error {
	buf := make([]byte, unix.PathMax)
	n, err := unix.Readlinkat(src, base, buf)
	if err != nil {
		return err
	}
	if err := unix.Symlinkat(string(buf[:n]), dst, base); err != nil {
		return err
	}
	return unix.Fchownat(dst, base, int(st.Uid), int(st.Gid), unix.AT_SYMLINK_NOFOLLOW)
}

// node copies a pipe, a socket or a device; a whiteout of the overlay file system is a device that any user can make.
func (t *tree) node(dst int, base string, st *unix.Stat_t) error {
	if err := unix.Mknodat(dst, base, st.Mode&unix.S_IFMT|0o600, int(st.Rdev)); err != nil {
		return err
	}
	if err := unix.Fchownat(dst, base, int(st.Uid), int(st.Gid), unix.AT_SYMLINK_NOFOLLOW); err != nil {
		return err
	}
	return unix.Fchmodat(dst, base, st.Mode&0o7777, 0)
}

// attributes gives an open file all that another has but its content and times. The mode follows the owner, whose change
// takes bits of it away.
func attributes(src, dst int, st *unix.Stat_t) error {
	if err := unix.Fchown(dst, int(st.Uid), int(st.Gid)); err != nil {
		return err
	}
	if err := unix.Fchmod(dst, st.Mode&0o7777); err != nil {
		return err
	}
	return xattrs(src, dst)
}

// kept says whether an attribute is the file's own, and not the host's or a note of the overlay file system on where a file
// was copied from.
func kept(name string) bool {
	for _, space := range []string{"trusted.overlay.", "user.overlay."} {
		if mark, ok := strings.CutPrefix(name, space); ok {
			switch mark {
			case "opaque", "redirect", "metacopy", "whiteout", "whiteouts":
				return true
			}
			return false
		}
	}
	return name == "security.capability" || strings.HasPrefix(name, "user.") || strings.HasPrefix(name, "trusted.") || strings.HasPrefix(name, "system.posix_acl_")
}

func xattrs(src, dst int) error {
	list := make([]byte, 1024)
	n, err := unix.Flistxattr(src, list)
	if errors.Is(err, unix.ERANGE) {
		list = make([]byte, 64<<10) // XATTR_LIST_MAX
		n, err = unix.Flistxattr(src, list)
	}
	if errors.Is(err, unix.ENOTSUP) || n == 0 && err == nil {
		return nil
	}
	if err != nil {
		return err
	}
	value := make([]byte, 64<<10) // XATTR_SIZE_MAX
	for name := range bytes.SplitSeq(list[:n], []byte{0}) {
		if !kept(string(name)) {
			continue
		}
		n, err := unix.Fgetxattr(src, string(name), value)
		if err == nil {
			err = unix.Fsetxattr(dst, string(name), value[:n], 0)
		}
		if err != nil {
			return fmt.Errorf("attribute %s: %w", name, err)
		}
	}
	return nil
}

func times(st *unix.Stat_t) []unix.Timespec { return []unix.Timespec{st.Atim, st.Mtim} }

func failed(name string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("/%s: %w", name, err)
}
