//go:build linux

package rootfs

import (
	"archive/tar"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"strings"
	"time"

	pathrs "github.com/cyphar/filepath-securejoin/pathrs-lite"
	"golang.org/x/sys/unix"

	"github.com/caisson-dev/caisson/agent/internal/pack"
	"github.com/caisson-dev/caisson/internal/api"
)

// owner is who gets what is unpacked.
type owner struct {
	keep     bool // as the stream says
	uid, gid int
	rootless bool
}

// unpacker writes a tar stream into a directory of a view.
type unpacker struct {
	v     *View
	dir   string // absolute, in the container
	owner owner
	buf   []byte

	at     string // parent is open for this directory
	parent *os.File
	dirs   []*tar.Header // to get their times when all is in them
}

func (u *unpacker) unpack(r io.Reader) error {
	defer u.leave()
	u.buf = make([]byte, 128<<10)
	tr := tar.NewReader(r)
	for {
		h, err := tr.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return api.Errorf(api.ErrInvalidArgument, "read the tar stream: %w", err)
		}
		if err := u.entry(h, tr); err != nil {
			return err
		}
	}
	for i := len(u.dirs) - 1; i >= 0; i-- {
		if err := u.finishDir(u.dirs[i]); err != nil {
			return err
		}
	}
	// To the end of the stream, which may be padded: its sender waits for all to be read.
	_, err := io.Copy(io.Discard, r)
	return err
}

func (u *unpacker) entry(h *tar.Header, r io.Reader) error {
	switch h.Typeflag {
	case tar.TypeReg, tar.TypeDir, tar.TypeSymlink, tar.TypeLink, tar.TypeFifo, tar.TypeChar, tar.TypeBlock:
	default:
		return nil // as pax_global_header of git archive
	}
	full := path.Join(u.dir, path.Clean("/"+h.Name))
	if full == path.Clean(u.dir) {
		return nil // the directory itself stays as it is
	}
	err := u.write(h, full, r)
	if err == nil {
		return nil
	}
	var re *streamError
	if errors.As(err, &re) {
		return api.Errorf(api.ErrInvalidArgument, "read the tar stream: %s: %w", h.Name, re.err)
	}
	return u.v.explain(full, err)
}

// streamError is an error of the stream, not of the container.
type streamError struct{ err error }

func (e *streamError) Error() string { return e.err.Error() }

func (u *unpacker) write(h *tar.Header, full string, r io.Reader) error {
	base := path.Base(full)
	if err := u.enter(path.Dir(full)); err != nil {
		return err
	}
	var have unix.Stat_t
	err := unix.Fstatat(int(u.parent.Fd()), base, &have, unix.AT_SYMLINK_NOFOLLOW)
	if err != nil && !errors.Is(err, unix.ENOENT) {
		return err
	}
	exists, isDir := err == nil, have.Mode&unix.S_IFMT == unix.S_IFDIR
	switch {
	case h.Typeflag == tar.TypeDir:
		return u.makeDir(h, full, exists, isDir)
	case exists && isDir:
		return fmt.Errorf("a file can't replace a directory: %w", unix.EISDIR)
	case exists:
		// To remove a file that something is mounted on would take the mount away, which is in another namespace.
		mounted, err := u.mounted(base)
		if err != nil {
			return err
		}
		if mounted {
			return u.overwrite(h, base, r)
		}
		if err := unix.Unlinkat(int(u.parent.Fd()), base, 0); err != nil && !errors.Is(err, unix.ENOENT) {
			return err
		}
	}
	return u.create(h, base, r)
}

// leave closes the directory that the last file went to.
func (u *unpacker) leave() {
	if u.parent != nil {
		u.parent.Close()
		u.parent = nil
	}
}

// enter opens the directory that the next file goes to.
func (u *unpacker) enter(dir string) error {
	if u.parent != nil && u.at == dir {
		return nil
	}
	u.leave()
	p, err := makeDirs(u.v.root, dir, func(d *os.File) error { return u.chown(d, 0, 0) })
	if err != nil {
		return err
	}
	u.parent, u.at = p, dir
	return nil
}

func (u *unpacker) makeDir(h *tar.Header, full string, exists, isDir bool) error {
	if exists && !isDir {
		// A link to a directory stands for it, such as /lib for /usr/lib.
		d, err := pathrs.OpenatInRoot(u.v.root, full)
		if err != nil {
			return err
		}
		defer d.Close()
		if st, err := pack.Fstat(d); err != nil || st.Mode&unix.S_IFMT != unix.S_IFDIR {
			return fmt.Errorf("a directory can't replace a file: %w", unix.ENOTDIR)
		}
		return nil
	}
	base := path.Base(full)
	if !exists {
		if err := unix.Mkdirat(int(u.parent.Fd()), base, 0o700); err != nil {
			return err
		}
	}
	d, err := pack.Openat(u.parent, base, unix.O_PATH|unix.O_NOFOLLOW|unix.O_DIRECTORY)
	if err != nil {
		return err
	}
	defer d.Close()
	if err := u.attributes(d, h); err != nil {
		return err
	}
	h.Name = full
	u.dirs = append(u.dirs, h)
	return nil
}

// finishDir sets a directory's time, if it still is where it was.
func (u *unpacker) finishDir(h *tar.Header) error {
	if err := u.enter(path.Dir(h.Name)); err != nil {
		return u.v.explain(h.Name, err)
	}
	err := u.touch(path.Base(h.Name), h.ModTime)
	if errors.Is(err, unix.ENOENT) {
		return nil
	}
	return u.v.explain(h.Name, err)
}

func (u *unpacker) touch(base string, t time.Time) error {
	ts := []unix.Timespec{{Nsec: unix.UTIME_OMIT}, unix.NsecToTimespec(t.UnixNano())}
	return unix.UtimesNanoAt(int(u.parent.Fd()), base, ts, unix.AT_SYMLINK_NOFOLLOW)
}

func (u *unpacker) create(h *tar.Header, base string, r io.Reader) error {
	dir := int(u.parent.Fd())
	switch h.Typeflag {
	case tar.TypeReg:
		fd, err := unix.Openat(dir, base, unix.O_CREAT|unix.O_EXCL|unix.O_WRONLY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0o600)
		if err != nil {
			return err
		}
		return u.fill(os.NewFile(uintptr(fd), base), h, r)
	case tar.TypeLink:
		return u.hardlink(h, base)
	case tar.TypeSymlink:
		if err := unix.Symlinkat(h.Linkname, dir, base); err != nil {
			return err
		}
	case tar.TypeFifo:
		if err := unix.Mknodat(dir, base, unix.S_IFIFO|0o600, 0); err != nil {
			return err
		}
	default:
		kind := uint32(unix.S_IFCHR)
		if h.Typeflag == tar.TypeBlock {
			kind = unix.S_IFBLK
		}
		err := unix.Mknodat(dir, base, kind|0o600, int(unix.Mkdev(uint32(h.Devmajor), uint32(h.Devminor))))
		if errors.Is(err, unix.EPERM) && u.owner.rootless {
			return nil // as Docker does
		}
		if err != nil {
			return err
		}
	}
	n, err := pack.Openat(u.parent, base, unix.O_PATH|unix.O_NOFOLLOW)
	if err != nil {
		return err
	}
	defer n.Close()
	if h.Typeflag == tar.TypeSymlink {
		err = u.chown(n, h.Uid, h.Gid)
	} else {
		err = u.attributes(n, h)
	}
	if err != nil {
		return err
	}
	return u.touch(base, h.ModTime)
}

func (u *unpacker) hardlink(h *tar.Header, base string) error {
	old := path.Join(u.dir, path.Clean("/"+h.Linkname))
	from, err := pathrs.OpenatInRoot(u.v.root, path.Dir(old))
	if err != nil {
		return err
	}
	defer from.Close()
	err = unix.Linkat(int(from.Fd()), path.Base(old), int(u.parent.Fd()), base, 0)
	var st unix.Stat_t
	if errors.Is(err, unix.EPERM) && unix.Fstatat(int(from.Fd()), path.Base(old), &st, unix.AT_SYMLINK_NOFOLLOW) == nil && st.Mode&unix.S_IFMT == unix.S_IFDIR {
		return fmt.Errorf("a hard link can't lead to a directory: %w", unix.EISDIR)
	}
	return err
}

// mounted says whether something is mounted on a file, as a file of the host on a file of the container.
func (u *unpacker) mounted(base string) (bool, error) {
	var dir, file unix.Statx_t
	if err := unix.Statx(int(u.parent.Fd()), "", unix.AT_EMPTY_PATH, unix.STATX_MNT_ID, &dir); err != nil {
		return false, err
	}
	err := unix.Statx(int(u.parent.Fd()), base, unix.AT_SYMLINK_NOFOLLOW, unix.STATX_MNT_ID, &file)
	if errors.Is(err, unix.ENOENT) {
		return false, nil
	}
	return dir.Mnt_id != file.Mnt_id, err
}

// overwrite keeps the file that is there and changes what is in it.
func (u *unpacker) overwrite(h *tar.Header, base string, r io.Reader) error {
	n, err := pack.Openat(u.parent, base, unix.O_PATH|unix.O_NOFOLLOW)
	if err != nil {
		return err
	}
	defer n.Close()
	if st, err := pack.Fstat(n); err != nil || st.Mode&unix.S_IFMT != unix.S_IFREG || h.Typeflag != tar.TypeReg {
		return errors.Join(unix.EBUSY, err)
	}
	f, err := pathrs.Reopen(n, unix.O_WRONLY|unix.O_TRUNC)
	if err != nil {
		return err
	}
	return u.fill(f, h, r)
}

// fill writes a regular file and closes it.
func (u *unpacker) fill(f *os.File, h *tar.Header, r io.Reader) error {
	defer f.Close()
	src := &watchedReader{r: r}
	if _, err := io.CopyBuffer(onlyWriter{f}, src, u.buf); err != nil {
		if src.err != nil {
			return &streamError{src.err}
		}
		return err
	}
	if err := u.attributes(f, h); err != nil {
		return err
	}
	ts := []unix.Timespec{{Nsec: unix.UTIME_OMIT}, unix.NsecToTimespec(h.ModTime.UnixNano())}
	if err := unix.UtimesNanoAt(unix.AT_FDCWD, fdPath(f), ts, 0); err != nil {
		return err
	}
	return f.Close()
}

type onlyWriter struct{ io.Writer }

// watchedReader keeps its error apart from the writer's.
type watchedReader struct {
	r   io.Reader
	err error
}

func (w *watchedReader) Read(p []byte) (int, error) {
	n, err := w.r.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		w.err = err
	}
	return n, err
}

// attributes sets owner, then mode, which a change of the owner takes bits from, then extended attributes.
func (u *unpacker) attributes(f *os.File, h *tar.Header) error {
	if err := u.chown(f, h.Uid, h.Gid); err != nil {
		return err
	}
	at := fdPath(f)
	if err := unix.Chmod(at, uint32(h.Mode&0o7777)); err != nil {
		return err
	}
	for key, value := range h.PAXRecords {
		name, ok := strings.CutPrefix(key, pack.XattrKey)
		if !ok || !pack.KeepXattr(name) {
			continue
		}
		err := unix.Setxattr(at, name, []byte(value), 0)
		if err != nil && !errors.Is(err, unix.ENOTSUP) && !(u.owner.rootless && errors.Is(err, unix.EPERM)) {
			return fmt.Errorf("set the attribute %s: %w", name, err)
		}
	}
	return nil
}

// chown gives a file to its owner: the stream's ids, or those of all copies.
func (u *unpacker) chown(f *os.File, uid, gid int) error {
	if !u.owner.keep {
		uid, gid = u.owner.uid, u.owner.gid
	}
	err := unix.Fchownat(int(f.Fd()), "", uid, gid, unix.AT_EMPTY_PATH)
	if errors.Is(err, unix.EINVAL) {
		return api.Errorf(api.ErrUnsupported, "owner %d:%d: this user's containers don't have the ids: "+
			"add a line for the user to /etc/subuid and /etc/subgid and install newuidmap (Debian: apt-get install uidmap)", uid, gid)
	}
	if err != nil {
		return &fs.PathError{Op: "chown", Path: f.Name(), Err: err}
	}
	return nil
}
