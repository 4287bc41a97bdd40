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

// FS is the file system of an image: an fs.FS to read files without a container, with ReadDir, ReadFile, Stat, Lstat and
// ReadLink. Links are followed inside the image only, like in a container. Sys of a FileInfo is a *tar.Header, which has
// the owner. Errors are *fs.PathError and match fs.ErrNotExist and the like. It is safe for concurrent use.
type FS struct {
	c      *client.Client
	ctx    context.Context // fs.FS has none: this one is the file system's life
	cancel context.CancelFunc
	handle string
	close  func() error
}

// FS opens the file system of an image. While it is open no process can remove the image. It is open until Close, or
// until ctx ends, or this process ends.
//
// Errors: ErrNotFound when there is no such image; ErrAmbiguous when several ids have the prefix; ErrInvalidReference
// when ref is not valid.
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

// Close closes the file system. Files that are open can no longer be read.
//
// Errors: none in practice; it returns an error to be an io.Closer.
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

// Open opens a file or a directory. A file is also an io.ReaderAt and an io.Seeker.
//
// Errors: *fs.PathError, which matches fs.ErrNotExist when there is no such file and fs.ErrInvalid when the name is not
// valid.
func (f *FS) Open(name string) (fs.File, error) {
	var info api.FileInfo
	if err := f.ask("open", api.FSStat, api.FileRequest{Name: name, Follow: true}, &info); err != nil {
		return nil, err
	}
	return &file{fsys: f, name: name, info: fileInfo{info}}, nil
}

// Stat describes a file. If it is a link, Stat describes what the link leads to.
//
// Errors: those of Open.
func (f *FS) Stat(name string) (fs.FileInfo, error) {
	var info api.FileInfo
	if err := f.ask("stat", api.FSStat, api.FileRequest{Name: name, Follow: true}, &info); err != nil {
		return nil, err
	}
	return fileInfo{info}, nil
}

// Lstat describes a file. If it is a link, Lstat describes the link.
//
// Errors: those of Open.
func (f *FS) Lstat(name string) (fs.FileInfo, error) {
	var info api.FileInfo
	if err := f.ask("lstat", api.FSStat, api.FileRequest{Name: name}, &info); err != nil {
		return nil, err
	}
	return fileInfo{info}, nil
}

// ReadLink returns the target of a link. An absolute target is inside the image.
//
// Errors: those of Open; fs.ErrInvalid when it is not a link.
func (f *FS) ReadLink(name string) (string, error) {
	var target string
	err := f.ask("readlink", api.FSReadLink, api.FileRequest{Name: name}, &target)
	return target, err
}

// ReadDir lists a directory, sorted by name.
//
// Errors: those of Open.
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
//
// Errors: those of Open.
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
