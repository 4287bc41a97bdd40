// Package hostcopy is the host's side of copies to and from a container: what is copied, where it goes, and how a stream of
// files is written below a directory without leaving it.
//
// It touches the host's files and knows no container.
package hostcopy

import (
	"archive/tar"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/caisson-dev/caisson/internal/fstar"
)

// Source is what is copied from the host.
type Source struct {
	path string
	info fs.FileInfo
}

// Open looks at what is to be copied, by the rules of docker cp. content: not the directory itself.
//
// Errors: those of the file system.
func Open(hostPath string) (src Source, content bool, err error) {
	src.path, err = filepath.Abs(hostPath)
	if err != nil {
		return src, false, err
	}
	slash := strings.HasSuffix(hostPath, "/") || strings.HasSuffix(hostPath, "/.") || hostPath == "."
	if slash {
		src.info, err = os.Stat(src.path)
	} else {
		src.info, err = os.Lstat(src.path)
	}
	if err != nil {
		return src, false, err
	}
	if slash && !src.info.IsDir() {
		return src, false, &fs.PathError{Op: "upload", Path: hostPath, Err: errors.New("not a directory")}
	}
	return src, strings.HasSuffix(hostPath, "/.") || hostPath == ".", nil
}

// Name is the last element of its path.
func (s Source) Name() string { return filepath.Base(s.path) }

// IsDir reports whether it is a directory.
func (s Source) IsDir() bool { return s.info.IsDir() }

// Write writes it as name.
func (s Source) Write(tw *tar.Writer, name string) error {
	if !s.info.IsDir() {
		return fstar.File(tw, os.DirFS(filepath.Dir(s.path)), s.Name(), name, s.info, Owner)
	}
	return fstar.Tree(tw, os.DirFS(s.path), ".", name, Owner)
}

// Owner gives a file in an archive the owner that it has on the host.
func Owner(h *tar.Header, info fs.FileInfo) error {
	h.Uid, h.Gid = ids(info)
	return nil
}
