package layer

import (
	"bytes"
	"errors"
	"fmt"
	"hash/crc64"
	"io"
	"os"
	"path"
	"slices"
	"strings"

	"github.com/vbatts/tar-split/archive/tar"
	"golang.org/x/sys/unix"

	"github.com/caisson-dev/caisson/internal/api"
)

// entry writes one entry. It returns the checksum of a file's content, and the name by which the file is read when the
// layer is packed again: it leads nowhere else, whatever links and dots are in the archive's.
func (u *unpack) entry(h *tar.Header, r io.Reader) (name string, sum []byte, err error) {
	name = path.Clean("/" + h.Name)
	dir, err := u.parent(path.Dir(name))
	if err != nil {
		return name, nil, malformed(err)
	}
	base := path.Base(name)
	if strings.HasPrefix(base, whiteout) {
		if h.Size > 0 {
			return name, nil, api.Errorf(api.ErrCorrupt, "a whiteout with content")
		}
		return path.Join(dir, base), nil, malformed(u.whiteout(dir, base))
	}
	name = path.Join(dir, base)
	sum, made, err := u.make(h, name, r)
	if err != nil || !made || h.Typeflag == tar.TypeLink { // what a link has is its target's
		return name, sum, malformed(err)
	}
	return name, sum, u.attributes(h, name)
}

// make makes what the entry describes. made is false for what can't be and needn't be.
func (u *unpack) make(h *tar.Header, name string, r io.Reader) (sum []byte, made bool, err error) {
	mode := uint32(h.Mode & 0o7777)
	switch h.Typeflag {
	case tar.TypeDir:
		u.dirs = append(u.dirs, dirTimes{name, times(h)})
		return nil, true, u.replace(name, true, func(p string) error { return unix.Mkdir(p, mode) })
	case tar.TypeReg, tar.TypeRegA:
		if sparse(h) {
			return nil, false, api.Errorf(api.ErrCorrupt, "a sparse file: pack it without --sparse")
		}
		err = u.replace(name, false, func(p string) error {
			var err error
			sum, err = u.file(p, mode, h.Size, r)
			return err
		})
		return sum, true, err
	case tar.TypeSymlink:
		return nil, true, u.replace(name, false, func(p string) error { return unix.Symlink(h.Linkname, p) })
	case tar.TypeLink:
		target := path.Clean("/" + h.Linkname)
		if target == name {
			return nil, true, nil
		}
		err := u.replace(name, false, func(p string) error { return unix.Linkat(unix.AT_FDCWD, target, unix.AT_FDCWD, p, 0) })
		if errors.Is(err, unix.ENOENT) {
			return nil, false, api.Errorf(api.ErrCorrupt, "a link to %q, which the layer does not have", h.Linkname)
		}
		return nil, true, err
	case tar.TypeChar, tar.TypeBlock:
		if u.options.InUserNS {
			return nil, false, nil // the kernel does not allow it, and programs find devices in /dev
		}
		kind := uint32(unix.S_IFCHR)
		if h.Typeflag == tar.TypeBlock {
			kind = unix.S_IFBLK
		}
		return nil, true, u.replace(name, false, func(p string) error {
			return unix.Mknod(p, kind|mode, int(unix.Mkdev(uint32(h.Devmajor), uint32(h.Devminor))))
		})
	case tar.TypeFifo:
		return nil, true, u.replace(name, false, func(p string) error { return unix.Mkfifo(p, mode) })
	}
	return nil, false, api.Errorf(api.ErrCorrupt, "an entry of unknown type %q", h.Typeflag)
}

// sparse says whether a file's content is not what follows its header, but spread by a map: it could not be packed again.
func sparse(h *tar.Header) bool {
	for key := range h.PAXRecords {
		if strings.HasPrefix(key, "GNU.sparse.") {
			return true
		}
	}
	return false
}

// file writes a new file and returns tar-split's checksum. With O_EXCL it opens no device and no link of the archive's.
// Zeros are not written but become holes: an archive of a few megabytes can't fill the disk with them.
func (u *unpack) file(p string, mode uint32, size int64, r io.Reader) ([]byte, error) {
	fd, err := unix.Open(p, unix.O_WRONLY|unix.O_CREAT|unix.O_EXCL|unix.O_NOFOLLOW|unix.O_CLOEXEC, mode)
	if err != nil {
		return nil, err
	}
	f := os.NewFile(uintptr(fd), p)
	sum := crc64.New(crcTable)
	err = u.fill(f, io.TeeReader(r, sum))
	if err := errors.Join(err, f.Close()); err != nil || size == 0 {
		return nil, err
	}
	return sum.Sum(nil), nil
}

// leastHole is a block of most file systems.
const leastHole = 4096

func (u *unpack) fill(f *os.File, r io.Reader) error {
	var size int64
	hole := false // f ends in one
	for {
		n := 0
		var rerr error
		for n < len(u.buf) && rerr == nil {
			var m int
			m, rerr = r.Read(u.buf[n:])
			n += m
		}
		size += int64(n)
		var err error
		if part := u.buf[:n]; n >= leastHole && allZero(part) {
			if err = u.guard.Look(); err == nil {
				_, err = f.Seek(int64(n), io.SeekCurrent)
			}
			hole = true
		} else if n > 0 {
			if err = u.guard.Grow(int64(n)); err == nil {
				_, err = f.Write(part)
			}
			hole = false
		}
		if err == nil && hole && errors.Is(rerr, io.EOF) {
			err = f.Truncate(size)
		}
		if err != nil || errors.Is(rerr, io.EOF) {
			return err
		}
		if rerr != nil {
			return rerr
		}
	}
}

// allZero compares b with itself, moved by one.
func allZero(b []byte) bool { return b[0] == 0 && bytes.Equal(b[1:], b[:len(b)-1]) }

func times(h *tar.Header) []unix.Timespec {
	access := h.AccessTime
	if access.Before(h.ModTime) {
		access = h.ModTime
	}
	return []unix.Timespec{unix.NsecToTimespec(access.UnixNano()), unix.NsecToTimespec(h.ModTime.UnixNano())}
}

// attributes sets owner, mode, extended attributes and times, in this order: each of the first two takes away from
// what is set after it.
func (u *unpack) attributes(h *tar.Header, name string) error {
	u.owners[[2]int{h.Uid, h.Gid}] = true
	if err := unix.Lchown(name, h.Uid, h.Gid); err != nil && !u.options.IgnoreChownErrors {
		return fmt.Errorf("owner %d:%d: %w", h.Uid, h.Gid, err)
	}
	if h.Typeflag != tar.TypeSymlink {
		if err := unix.Chmod(name, uint32(h.Mode&0o7777)); err != nil {
			return err
		}
	}
	//lint:ignore SA1019 tar-split fills it
	for key, v := range h.Xattrs {
		if strings.HasPrefix(key, "trusted.overlay.") || strings.HasPrefix(key, "user.overlay.") {
			continue // the driver's own: an archive must not forge them
		}
		err := unix.Lsetxattr(name, key, []byte(v), 0)
		if errors.Is(err, unix.ENOTSUP) || errors.Is(err, unix.EPERM) && u.options.InUserNS {
			continue
		}
		if err != nil {
			return fmt.Errorf("attribute %s: %w", key, malformed(err))
		}
	}
	if h.Typeflag == tar.TypeDir {
		return nil // at the end, since each file in it changes them
	}
	return unix.UtimesNanoAt(unix.AT_FDCWD, name, times(h), unix.AT_SYMLINK_NOFOLLOW)
}

// ids are the owners that the layer's files have.
func (u *unpack) ids() (uids, gids []uint32) {
	for o := range u.owners {
		uids, gids = append(uids, uint32(o[0])), append(gids, uint32(o[1]))
	}
	slices.Sort(uids)
	slices.Sort(gids)
	return slices.Compact(uids), slices.Compact(gids)
}
