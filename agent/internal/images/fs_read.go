package images

import (
	"errors"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path"
	"strconv"
	"time"

	pathrs "github.com/cyphar/filepath-securejoin/pathrs-lite"
	"golang.org/x/sys/unix"

	"github.com/caisson-dev/caisson/agent/internal/pack"
	"github.com/caisson-dev/caisson/agent/internal/wire"
	"github.com/caisson-dev/caisson/internal/api"
)

func (s *Service) routeFS(mux *wire.Mux) {
	mux.Handle(api.FSOpen, s.handleOpenFS)
	mux.Handle(api.FSClose, s.handleCloseFS)
	mux.Handle(api.FSStat, wire.Handle(s.statFS))
	mux.Handle(api.FSReadDir, wire.Handle(s.readDirFS))
	mux.Handle(api.FSReadLink, wire.Handle(s.readLinkFS))
	mux.Handle(api.FSRead, s.dataFS)
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

func describeFile(name string, f *os.File) (api.FileInfo, error) {
	var st unix.Stat_t
	if err := unix.Fstat(int(f.Fd()), &st); err != nil {
		return api.FileInfo{}, fileError(name, err)
	}
	return fileInfo(path.Base(path.Clean("/"+name)), &st), nil
}

func fileInfo(name string, st *unix.Stat_t) api.FileInfo {
	info := api.FileInfo{Name: name, Size: st.Size, Mode: pack.FileMode(st.Mode), ModTime: time.Unix(st.Mtim.Unix()), UID: int(st.Uid), GID: int(st.Gid)}
	if y := info.ModTime.UTC().Year(); y < 0 || y > 9999 {
		info.ModTime = time.Time{} // JSON has no such year
	}
	return info
}

func (s *Service) statFS(r *http.Request, in api.FileRequest) (info api.FileInfo, err error) {
	err = s.with(r, func(root *os.File) error {
		f, err := lookup(root, in.Name, in.Follow)
		if err != nil {
			return err
		}
		defer f.Close()
		info, err = describeFile(in.Name, f)
		return err
	})
	return info, err
}

func (s *Service) readDirFS(r *http.Request, in api.FileRequest) (infos []api.FileInfo, err error) {
	name := in.Name
	err = s.with(r, func(root *os.File) error {
		f, err := lookup(root, name, true)
		if err != nil {
			return err
		}
		defer f.Close()
		dir, err := pathrs.Reopen(f, unix.O_RDONLY|unix.O_DIRECTORY)
		if err != nil {
			return fileError(name, err)
		}
		defer dir.Close()
		names, err := dir.Readdirnames(-1)
		if err != nil {
			return fileError(name, err)
		}
		infos = make([]api.FileInfo, 0, len(names))
		for _, n := range names {
			var st unix.Stat_t
			if err := unix.Fstatat(int(dir.Fd()), n, &st, unix.AT_SYMLINK_NOFOLLOW); err != nil {
				return fileError(path.Join(name, n), err)
			}
			infos = append(infos, fileInfo(n, &st))
		}
		return nil
	})
	return infos, err
}

func (s *Service) readLinkFS(r *http.Request, in api.FileRequest) (target string, err error) {
	name := in.Name
	err = s.with(r, func(root *os.File) error {
		f, err := lookup(root, name, false)
		if err != nil {
			return err
		}
		defer f.Close()
		buf := make([]byte, unix.PathMax)
		n, err := unix.Readlinkat(int(f.Fd()), "", buf)
		if errors.Is(err, unix.ENOENT) {
			err = unix.EINVAL // the kernel's word for an empty name that is no link
		}
		target = string(buf[:max(n, 0)])
		return fileError(name, err)
	})
	return target, err
}

// dataFS streams a regular file from an offset on. Nothing else is opened: a device of the image would be the host's.
func (s *Service) dataFS(w http.ResponseWriter, r *http.Request) {
	var in api.FileRequest
	if err := wire.Decode(r.Body, &in); err != nil {
		wire.Fail(w, err)
		return
	}
	var file *os.File
	err := s.with(r, func(root *os.File) error {
		f, err := lookup(root, in.Name, true)
		if err != nil {
			return err
		}
		defer f.Close()
		switch st, err := f.Stat(); {
		case err != nil:
			return fileError(in.Name, err)
		case st.IsDir():
			return fileError(in.Name, unix.EISDIR)
		case !st.Mode().IsRegular():
			return api.Errorf(api.ErrInvalidArgument, "%s: it is no regular file (%s)", in.Name, st.Mode())
		}
		file, err = pathrs.Reopen(f, unix.O_RDONLY)
		return fileError(in.Name, err)
	})
	if err != nil {
		wire.Fail(w, err)
		return
	}
	defer file.Close()
	st, err := file.Stat()
	if err == nil && in.Offset < 0 {
		err = unix.EINVAL
	}
	if err == nil {
		_, err = file.Seek(in.Offset, io.SeekStart)
	}
	if err != nil {
		wire.Fail(w, fileError(in.Name, err))
		return
	}
	n := max(0, st.Size()-in.Offset)
	if in.Length != nil {
		n = min(n, *in.Length)
	}
	w.Header().Set("Content-Type", "application/octet-stream")
	w.Header().Set("Content-Length", strconv.FormatInt(n, 10))
	_, _ = io.CopyN(w, file, n) // the caller sees that it is short
}
