//go:build linux

package overlay

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"os"
	"path"
	"slices"
	"strings"

	"go.podman.io/storage/pkg/archive"
	"golang.org/x/sys/unix"

	"github.com/caisson-dev/caisson/agent/internal/pack"
)

// source is a directory of one of the layers that are packed together.
type source struct{ fd int }

// found is a name, in the topmost layer that has it.
type found struct {
	source
	st unix.Stat_t
}

func isWhiteout(st *unix.Stat_t) bool {
	return st.Mode&unix.S_IFMT == unix.S_IFCHR && st.Rdev == 0
}

func isDir(st *unix.Stat_t) bool { return st.Mode&unix.S_IFMT == unix.S_IFDIR }

// children writes what is in a directory that at has in several layers, the topmost first, in order of names.
func (p *packer) children(dir string, at []source) error {
	if p.ctx.Err() != nil {
		return context.Cause(p.ctx)
	}
	var names []string
	for _, s := range at {
		got, err := namesIn(s.fd)
		if err != nil {
			return &os.PathError{Op: "readdir", Path: "/" + dir, Err: err}
		}
		names = append(names, got...)
	}
	slices.Sort(names)
	for _, n := range slices.Compact(names) {
		if err := p.child(path.Join(dir, n), n, at); err != nil {
			return err
		}
	}
	return nil
}

func namesIn(dir int) ([]string, error) {
	fd, err := unix.Openat(dir, ".", unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	f := os.NewFile(uintptr(fd), ".")
	defer f.Close()
	return f.Readdirnames(-1)
}

// child writes what the name is in the topmost layer that has it, and of a directory what the others add.
func (p *packer) child(full, name string, at []source) error {
	var list []found
	for _, s := range at {
		f := found{source: s}
		err := unix.Fstatat(s.fd, name, &f.st, unix.AT_SYMLINK_NOFOLLOW)
		if errors.Is(err, unix.ENOENT) {
			continue
		}
		if err != nil {
			return &os.PathError{Op: "stat", Path: "/" + full, Err: err}
		}
		list = append(list, f)
	}
	if len(list) == 0 {
		return nil
	}
	top := &list[0]
	if isWhiteout(&top.st) {
		if !p.below(full) {
			return nil
		}
		h := p.header(whiteoutName(full), &unix.Stat_t{Mode: unix.S_IFREG, Mtim: top.st.Mtim})
		return p.write(h, -1)
	}
	if isDir(&top.st) {
		return p.dir(full, name, list)
	}
	if err := p.leaf(full, name, top); err != nil {
		return err
	}
	return p.touch(top.fd, name, &top.st)
}

// dir writes a directory with all that is in it.
func (p *packer) dir(full, name string, list []found) error {
	var at []source
	defer func() {
		for _, s := range at {
			unix.Close(s.fd)
		}
	}()
	hides := false // what is below all of these layers
	for i := range list {
		f := &list[i]
		if !isDir(&f.st) {
			hides = true
			break
		}
		fd, err := unix.Openat(f.fd, name, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
		if err != nil {
			return &os.PathError{Op: "open", Path: "/" + full, Err: err}
		}
		at = append(at, source{fd})
		if hides = IsOpaque(fmt.Sprintf("/proc/self/fd/%d/.", fd)); hides {
			break
		}
	}
	h := p.header(full, &list[0].st)
	xattrs(at[0].fd, h)
	if err := p.write(h, -1); err != nil {
		return err
	}
	if hides && p.below(full) {
		o := p.header(path.Join(full, archive.WhiteoutOpaqueDir), &unix.Stat_t{Mode: unix.S_IFREG, Mtim: list[0].st.Mtim})
		if err := p.write(o, -1); err != nil {
			return err
		}
	}
	if err := p.children(full, at); err != nil {
		return err
	}
	return p.touch(list[0].fd, name, &list[0].st)
}

// below says whether what the layer is to lie on has a file of this name, so that it must be hidden.
func (p *packer) below(full string) bool {
	if p.o.Below == nil {
		return true
	}
	fd, err := unix.Openat2(int(p.o.Below.Fd()), full, &unix.OpenHow{
		Flags: unix.O_PATH | unix.O_NOFOLLOW | unix.O_CLOEXEC, Resolve: unix.RESOLVE_IN_ROOT,
	})
	if err != nil {
		return !errors.Is(err, unix.ENOENT) && !errors.Is(err, unix.ENOTDIR)
	}
	unix.Close(fd)
	return true
}

// IsOpaque says whether a layer's directory hides those of its name in the layers below.
func IsOpaque(dir string) bool {
	b := make([]byte, 4)
	n, err := unix.Lgetxattr(dir, archive.GetOverlayXattrName("opaque"), b)
	return err == nil && n == 1 && b[0] == 'y'
}

func (p *packer) leaf(full, name string, f *found) error {
	h := p.header(full, &f.st)
	if h == nil {
		return nil
	}
	if f.st.Nlink > 1 {
		key := [2]uint64{uint64(f.st.Dev), f.st.Ino}
		if first, known := p.links[key]; known {
			h.Typeflag, h.Linkname, h.Size = tar.TypeLink, first, 0
			return p.write(h, -1)
		}
		p.links[key] = full
	}
	switch h.Typeflag {
	case tar.TypeSymlink:
		buf := make([]byte, unix.PathMax)
		n, err := unix.Readlinkat(f.fd, name, buf)
		if err != nil {
			return &os.PathError{Op: "readlink", Path: "/" + full, Err: err}
		}
		h.Linkname = string(buf[:n])
	case tar.TypeReg:
		fd, err := unix.Openat(f.fd, name, unix.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
		if err != nil {
			return &os.PathError{Op: "open", Path: "/" + full, Err: err}
		}
		defer unix.Close(fd)
		xattrs(fd, h)
		return p.write(h, fd)
	}
	return p.write(h, -1)
}

// xattrs adds the attributes of a file that belong to it, and not to this host or to the mount.
func xattrs(fd int, h *tar.Header) {
	list := make([]byte, 1024)
	n, err := unix.Flistxattr(fd, list)
	if errors.Is(err, unix.ERANGE) {
		list = make([]byte, 64<<10) // XATTR_LIST_MAX
		n, err = unix.Flistxattr(fd, list)
	}
	if err != nil || n == 0 {
		return
	}
	for _, name := range strings.Split(string(list[:n]), "\x00") {
		if !pack.KeepXattr(name) || strings.HasPrefix(name, "user.overlay.") {
			continue
		}
		value := make([]byte, 64<<10) // XATTR_SIZE_MAX
		n, err := unix.Fgetxattr(fd, name, value)
		if err != nil {
			continue
		}
		if h.PAXRecords == nil {
			h.PAXRecords = map[string]string{}
		}
		h.PAXRecords[pack.XattrKey+name] = string(value[:n])
	}
}
