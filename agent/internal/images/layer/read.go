package layer

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path"
	"time"

	pathrs "github.com/cyphar/filepath-securejoin/pathrs-lite"
	"golang.org/x/sys/unix"

	"github.com/caisson-dev/caisson/agent/internal/pack"
	"github.com/caisson-dev/caisson/internal/api"
)

// Stat describes a file below root; a link at the end of its name is followed on request.
func Stat(root *os.File, name string, follow bool) (api.FileInfo, error) {
	f, err := lookup(root, name, follow)
	if err != nil {
		return api.FileInfo{}, err
	}
	defer f.Close()
	st, err := pack.Fstat(f)
	if err != nil {
		return api.FileInfo{}, fileError(name, err)
	}
	return fileInfo(path.Base(path.Clean("/"+name)), st), nil
}

// ReadDir describes what is in a directory, in no order.
func ReadDir(root *os.File, name string) ([]api.FileInfo, error) {
	f, err := lookup(root, name, true)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	dir, err := pathrs.Reopen(f, unix.O_RDONLY|unix.O_DIRECTORY)
	if err != nil {
		return nil, fileError(name, err)
	}
	defer dir.Close()
	names, err := dir.Readdirnames(-1)
	if err != nil {
		return nil, fileError(name, err)
	}
	infos := make([]api.FileInfo, 0, len(names))
	for _, n := range names {
		var st unix.Stat_t
		if err := unix.Fstatat(int(dir.Fd()), n, &st, unix.AT_SYMLINK_NOFOLLOW); err != nil {
			return nil, fileError(path.Join(name, n), err)
		}
		infos = append(infos, fileInfo(n, &st))
	}
	return infos, nil
}

// ReadLink returns where a symbolic link leads.
func ReadLink(root *os.File, name string) (string, error) {
	f, err := lookup(root, name, false)
	if err != nil {
		return "", err
	}
	defer f.Close()
	target, err := pack.Readlink(f)
	if errors.Is(err, unix.ENOENT) {
		err = unix.EINVAL // the kernel's word for an empty name that is not a link
	}
	return target, fileError(name, err)
}

// Open opens a regular file at an offset, and returns how many bytes are to be read: at most limit, or all for a limit
// below 0. Nothing else is opened: a device of the image would be the host's.
func Open(root *os.File, name string, offset, limit int64) (*os.File, int64, error) {
	f, err := lookup(root, name, true)
	if err != nil {
		return nil, 0, err
	}
	defer f.Close()
	switch st, err := f.Stat(); {
	case err != nil:
		return nil, 0, fileError(name, err)
	case st.IsDir():
		return nil, 0, fileError(name, unix.EISDIR)
	case !st.Mode().IsRegular():
		return nil, 0, api.Errorf(api.ErrInvalidArgument, "%s: it is not a regular file (%s)", name, st.Mode())
	case offset < 0:
		return nil, 0, fileError(name, unix.EINVAL)
	}
	file, err := pathrs.Reopen(f, unix.O_RDONLY)
	if err != nil {
		return nil, 0, fileError(name, err)
	}
	n, err := seek(file, offset, limit)
	if err != nil {
		file.Close()
		return nil, 0, fileError(name, err)
	}
	return file, n, nil
}

// seek returns how many bytes follow the offset, within the limit.
func seek(file *os.File, offset, limit int64) (int64, error) {
	st, err := file.Stat()
	if err != nil {
		return 0, err
	}
	n := max(0, st.Size()-offset)
	if limit >= 0 {
		n = min(n, limit)
	}
	_, err = file.Seek(offset, io.SeekStart)
	return n, err
}

// lookup opens what name leads to; the descriptor is good for nothing but to look at it. A link at the end is followed
// on request only.
func lookup(root *os.File, name string, follow bool) (*os.File, error) {
	clean := path.Clean("/" + name)
	if follow || clean == "/" {
		f, err := pathrs.OpenatInRoot(root, clean)
		return f, fileError(name, err)
	}
	dir, err := pathrs.OpenatInRoot(root, path.Dir(clean))
	if err != nil {
		return nil, fileError(name, err)
	}
	defer dir.Close()
	fd, err := unix.Openat(int(dir.Fd()), path.Base(clean), unix.O_PATH|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, fileError(name, err)
	}
	return os.NewFile(uintptr(fd), name), nil
}

// fileError gives an error the sentinel that the caller's package io/fs has, and the name, without the agent's own paths.
func fileError(name string, err error) error {
	if err == nil {
		return nil
	}
	var errno unix.Errno
	if errors.As(err, &errno) {
		err = errno
	}
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return api.Errorf(api.ErrNotFound, "%s: %w", name, err)
	case errors.Is(err, fs.ErrPermission):
		return api.Errorf(api.ErrPermission, "%s: %w", name, err)
	}
	return api.Errorf(api.ErrInvalidArgument, "%s: %w", name, err)
}

func fileInfo(name string, st *unix.Stat_t) api.FileInfo {
	info := api.FileInfo{Name: name, Size: st.Size, Mode: pack.FileMode(st.Mode), ModTime: time.Unix(st.Mtim.Unix()), UID: int(st.Uid), GID: int(st.Gid)}
	if y := info.ModTime.UTC().Year(); y < 0 || y > 9999 {
		info.ModTime = time.Time{} // JSON has no such year
	}
	return info
}
