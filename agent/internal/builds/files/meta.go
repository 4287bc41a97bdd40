//go:build linux

package files

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/caisson-dev/caisson/agent/internal/diskspace"
	"github.com/caisson-dev/caisson/agent/internal/pack"
	"github.com/caisson-dev/caisson/internal/api"
)

// fileMode is a mode with the kernel's bits in Go's.
func fileMode(m uint32) fs.FileMode { return pack.FileMode(m) }

// kernelMode is a mode with Go's bits in the kernel's, without the kind of file.
func kernelMode(m fs.FileMode) uint32 {
	out := uint32(m.Perm())
	for is, bit := range map[fs.FileMode]uint32{fs.ModeSetuid: unix.S_ISUID, fs.ModeSetgid: unix.S_ISGID, fs.ModeSticky: unix.S_ISVTX} {
		if m&is != 0 {
			out |= bit
		}
	}
	return out
}

// xattr is an extended attribute.
type xattr struct {
	name  string
	value []byte
}

// keepXattr says whether an attribute belongs to a file and not to this host or to the driver of the storage.
func keepXattr(name string) bool {
	return pack.KeepXattr(name) && !strings.HasPrefix(name, "user.overlay.")
}

// fdPath is a path by which a file is reached whose descriptor is good for nothing but to look at.
func fdPath(fd int) string { return fmt.Sprintf("/proc/self/fd/%d", fd) }

// xattrsOf reads the attributes of an open file, sorted by name. Where the file system has none there are none.
func xattrsOf(path string) ([]xattr, error) {
	list := make([]byte, 1024)
	n, err := unix.Listxattr(path, list)
	if errors.Is(err, unix.ERANGE) {
		list = make([]byte, 64<<10) // XATTR_LIST_MAX
		n, err = unix.Listxattr(path, list)
	}
	if errors.Is(err, unix.ENOTSUP) || errors.Is(err, unix.EPERM) || errors.Is(err, unix.EACCES) || n == 0 && err == nil {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var names []string
	for name := range bytes.SplitSeq(list[:n], []byte{0}) {
		if keepXattr(string(name)) {
			names = append(names, string(name))
		}
	}
	names, _ = sorted(names, nil)
	var out []xattr
	for _, name := range names {
		value := make([]byte, 64<<10) // XATTR_SIZE_MAX
		n, err := unix.Getxattr(path, name, value)
		if errors.Is(err, unix.ENODATA) {
			continue // taken away meanwhile
		}
		if err != nil {
			return nil, fmt.Errorf("attribute %s: %w", name, err)
		}
		out = append(out, xattr{name, bytes.Clone(value[:n])})
	}
	return out, nil
}

// setXattrs gives a file its attributes. One that the file system or this user can't set is left out, as by BuildKit.
func setXattrs(path string, list []xattr) error {
	for _, x := range list {
		err := unix.Setxattr(path, x.name, x.value, 0)
		if err != nil && !errors.Is(err, unix.ENOTSUP) && !errors.Is(err, unix.EPERM) {
			return fmt.Errorf("attribute %s: %w", x.name, err)
		}
	}
	return nil
}

// chown gives a name in a directory to an owner.
func chown(dir int, name string, o Owner) error {
	err := unix.Fchownat(dir, name, o.UID, o.GID, unix.AT_SYMLINK_NOFOLLOW)
	if errors.Is(err, unix.EINVAL) || errors.Is(err, unix.EPERM) {
		return api.Errorf(api.ErrUnsupported, "owner %d:%d: this user's containers don't have the ids: "+
			"add a line for the user to /etc/subuid and /etc/subgid and install newuidmap (Debian: apt-get install uidmap)", o.UID, o.GID)
	}
	return err
}

func times(st *unix.Stat_t) []unix.Timespec { return []unix.Timespec{st.Atim, st.Mtim} }

func setTimes(dir int, name string, ts []unix.Timespec) error {
	return unix.UtimesNanoAt(dir, name, ts, unix.AT_SYMLINK_NOFOLLOW)
}

func noSpace(name string, err error) error {
	return api.Errorf(api.ErrNoSpace, "/%s: %w: %s", name, err, diskspace.Remedy)
}

func isAny(err error, errnos ...unix.Errno) bool {
	for _, e := range errnos {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}
