package image

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strings"
	"sync"

	"github.com/caisson-dev/caisson/internal/api"
	"github.com/caisson-dev/caisson/internal/client"
)

// FS is an image's file system, to read files out of it without a container: an fs.FS, with ReadDir, ReadFile, Stat,
// Lstat and ReadLink. Links are followed within the image alone, as a container would. Sys of a file's FileInfo is a
// *tar.Header with its owner. It is safe for concurrent use.
type FS struct {
	c      *client.Client
	ctx    context.Context //nolint:containedctx // fs.FS has none: this one is the file system's life
	cancel context.CancelFunc
	handle string
	close  func() error
}

// FS opens the file system of an image, by what Get finds it by. While it is open the image can't be removed, by this
// process or another. It stays open until Close, or until ctx ends; nothing is left of it when this process dies.
//
// Errors: ErrNotFound, ErrAmbiguous, ErrInvalidReference.
func (s *Store) FS(ctx context.Context, ref string) (*FS, error) {
	ctx, cancel := context.WithCancel(ctx)
	body, err := s.c.Body(ctx, api.FSOpen, api.Ref{Ref: ref})
	if err != nil {
		cancel()
		return nil, err
	}
	f := &FS{c: s.c, ctx: ctx, cancel: cancel}
	line, err := bufio.NewReader(body).ReadBytes('\n')
	if err == nil {
		err = json.Unmarshal(line, &f.handle)
	}
	if err != nil {
		if why := s.c.Why(ctx); why != nil {
			err = why
		}
		cancel()
		return nil, errors.Join(fmt.Errorf("open the file system of %s: %w", ref, err), body.Close())
	}
	f.close = sync.OnceValue(func() error {
		defer cancel()
		defer body.Close()
		if ctx.Err() != nil {
			return nil // it closed itself
		}
		return f.c.Do(ctx, api.FSClose.Of(f.handle), nil, nil)
	})
	return f, nil
}

// Close lets go of the image. Files that are open can't be read any more.
func (f *FS) Close() error { return f.close() }

// ask makes a request about a file.
func (f *FS) ask(op string, route api.Route, in api.FileRequest, out any) error {
	if !fs.ValidPath(in.Name) {
		return &fs.PathError{Op: op, Path: in.Name, Err: fs.ErrInvalid}
	}
	err := f.c.Do(f.ctx, route.Of(f.handle), in, out)
	return f.pathError(op, in.Name, err)
}

// pathError makes the errors of io/fs of the agent's.
func (f *FS) pathError(op, name string, err error) error {
	var answer *api.Error
	switch {
	case err == nil:
		return nil
	case f.ctx.Err() != nil:
		err = fs.ErrClosed
		if cause := context.Cause(f.ctx); !errors.Is(cause, context.Canceled) {
			err = cause
		}
	case errors.Is(err, ErrNotFound):
		err = fs.ErrNotExist
	case errors.Is(err, ErrPermission):
		err = fs.ErrPermission
	case !errors.As(err, &answer):
		if why := f.c.Why(f.ctx); why != nil {
			err = why
		}
	}
	return &fs.PathError{Op: op, Path: name, Err: err}
}

// Open opens a file or a directory. A file also implements io.ReaderAt and io.Seeker.
func (f *FS) Open(name string) (fs.File, error) {
	var info api.FileInfo
	if err := f.ask("open", api.FSStat, api.FileRequest{Name: name, Follow: true}, &info); err != nil {
		return nil, err
	}
	return &file{fsys: f, name: name, info: fileInfo{info}}, nil
}

// Stat describes a file; a link at the end is followed.
func (f *FS) Stat(name string) (fs.FileInfo, error) {
	var info api.FileInfo
	if err := f.ask("stat", api.FSStat, api.FileRequest{Name: name, Follow: true}, &info); err != nil {
		return nil, err
	}
	return fileInfo{info}, nil
}

// Lstat describes a file, or a link itself.
func (f *FS) Lstat(name string) (fs.FileInfo, error) {
	var info api.FileInfo
	if err := f.ask("lstat", api.FSStat, api.FileRequest{Name: name}, &info); err != nil {
		return nil, err
	}
	return fileInfo{info}, nil
}

// ReadLink returns what a link says, which may be absolute: within the image.
func (f *FS) ReadLink(name string) (string, error) {
	var target string
	err := f.ask("readlink", api.FSReadLink, api.FileRequest{Name: name}, &target)
	return target, err
}

// ReadDir lists a directory, by name.
func (f *FS) ReadDir(name string) ([]fs.DirEntry, error) {
	var infos []api.FileInfo
	if err := f.ask("readdir", api.FSReadDir, api.FileRequest{Name: name}, &infos); err != nil {
		return nil, err
	}
	entries := make([]fs.DirEntry, len(infos))
	slices.SortFunc(infos, func(a, b api.FileInfo) int { return strings.Compare(a.Name, b.Name) })
	for i, info := range infos {
		entries[i] = fs.FileInfoToDirEntry(fileInfo{info})
	}
	return entries, nil
}

// ReadFile reads a whole file.
func (f *FS) ReadFile(name string) ([]byte, error) {
	body, err := f.data(api.FileRequest{Name: name})
	if err != nil {
		return nil, err
	}
	defer body.Close()
	b, err := io.ReadAll(body)
	return b, f.pathError("read", name, err)
}

// data streams a file, or a part of it.
func (f *FS) data(in api.FileRequest) (io.ReadCloser, error) {
	if !fs.ValidPath(in.Name) {
		return nil, &fs.PathError{Op: "read", Path: in.Name, Err: fs.ErrInvalid}
	}
	body, err := f.c.Body(f.ctx, api.FSRead.Of(f.handle), in)
	return body, f.pathError("read", in.Name, err)
}
