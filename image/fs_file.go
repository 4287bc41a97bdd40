package image

import (
	"archive/tar"
	"errors"
	"io"
	"io/fs"
	"sync"
	"time"

	"github.com/caisson-dev/caisson/internal/api"
)

// fileInfo is the fs.FileInfo of a file in an image.
type fileInfo struct{ api.FileInfo }

func (i fileInfo) Name() string       { return i.FileInfo.Name }
func (i fileInfo) Size() int64        { return i.FileInfo.Size }
func (i fileInfo) Mode() fs.FileMode  { return i.FileInfo.Mode }
func (i fileInfo) ModTime() time.Time { return i.FileInfo.ModTime }
func (i fileInfo) IsDir() bool        { return i.FileInfo.Mode.IsDir() }

// Sys is a *tar.Header with the owner.
func (i fileInfo) Sys() any {
	h, err := tar.FileInfoHeader(plainInfo{i}, "")
	if err != nil {
		return nil // a socket, which tar does not know
	}
	h.Uid, h.Gid = i.UID, i.GID
	return h
}

// plainInfo is a FileInfo without Sys.
type plainInfo struct{ fileInfo }

func (plainInfo) Sys() any { return nil }

// file is an open file or directory of an FS. Its content comes in one stream from where it is read on.
type file struct {
	fsys *FS
	name string
	info fileInfo

	mu     sync.Mutex
	closed bool
	offset int64
	body   io.ReadCloser
	list   []fs.DirEntry // a directory's entries that are still to be returned
	listed bool
}

// Stat describes the file as it was opened.
func (f *file) Stat() (fs.FileInfo, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.info, f.usable("stat")
}

func (f *file) usable(op string) error {
	if f.closed {
		return &fs.PathError{Op: op, Path: f.name, Err: fs.ErrClosed}
	}
	return nil
}

// Close closes the file.
func (f *file) Close() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.usable("close"); err != nil {
		return err
	}
	f.closed = true
	return f.stop()
}

// stop ends the stream; the next read begins another.
func (f *file) stop() error {
	if f.body == nil {
		return nil
	}
	err := f.body.Close()
	f.body = nil
	return err
}

// Read reads on.
func (f *file) Read(p []byte) (int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.usable("read"); err != nil {
		return 0, err
	}
	if f.body == nil {
		body, err := f.fsys.data(api.FileRequest{Name: f.name, Offset: f.offset})
		if err != nil {
			return 0, err
		}
		f.body = body
	}
	n, err := f.body.Read(p)
	f.offset += int64(n)
	if errors.Is(err, io.EOF) {
		return n, err
	}
	return n, f.fsys.pathError("read", f.name, err)
}

// ReadAt reads a part, whatever else is read at the same time.
func (f *file) ReadAt(p []byte, off int64) (int, error) {
	f.mu.Lock()
	err := f.usable("read")
	f.mu.Unlock()
	if err == nil && off < 0 {
		err = &fs.PathError{Op: "read", Path: f.name, Err: fs.ErrInvalid}
	}
	if err != nil {
		return 0, err
	}
	length := int64(len(p))
	body, err := f.fsys.data(api.FileRequest{Name: f.name, Offset: off, Length: &length})
	if err != nil {
		return 0, err
	}
	defer body.Close()
	n, err := io.ReadFull(body, p)
	if errors.Is(err, io.ErrUnexpectedEOF) && off+int64(n) >= f.info.Size() {
		err = io.EOF
	}
	if err == nil || errors.Is(err, io.EOF) {
		return n, err
	}
	return n, f.fsys.pathError("read", f.name, err)
}

// Seek sets where the next Read begins.
func (f *file) Seek(offset int64, whence int) (int64, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.usable("seek"); err != nil {
		return 0, err
	}
	switch whence {
	case io.SeekCurrent:
		offset += f.offset
	case io.SeekEnd:
		offset += f.info.Size()
	}
	if offset < 0 || f.info.IsDir() {
		return 0, &fs.PathError{Op: "seek", Path: f.name, Err: fs.ErrInvalid}
	}
	if offset == f.offset {
		return offset, nil
	}
	f.offset = offset
	return offset, f.stop()
}

// ReadDir returns the next n entries of a directory, or all that are left.
func (f *file) ReadDir(n int) ([]fs.DirEntry, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.usable("readdir"); err != nil {
		return nil, err
	}
	if !f.listed {
		list, err := f.fsys.ReadDir(f.name)
		if err != nil {
			return nil, err
		}
		f.list, f.listed = list, true
	}
	if n <= 0 {
		n = len(f.list)
	} else if len(f.list) == 0 {
		return nil, io.EOF
	}
	n = min(n, len(f.list))
	out := f.list[:n:n]
	f.list = f.list[n:]
	return out, nil
}
