package hostcopy

import (
	"archive/tar"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/caisson-dev/caisson/internal/api"
)

// MaxLinks is how many links the kernel follows (path_resolution(7)).
const MaxLinks = 40

// Target returns the directory of the host to unpack in, and the name that the copy gets there; empty for its own.
//
// Errors: api.ErrInvalidArgument; those of the file system.
func Target(to string, isDir bool) (dir, name string, err error) {
	info, err := os.Stat(to)
	switch {
	case err == nil && info.IsDir():
		return to, "", nil
	case err == nil && (isDir || strings.HasSuffix(to, "/")):
		return "", "", api.Errorf(api.ErrInvalidArgument, "%s is not a directory", to)
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return "", "", err
	case err != nil && strings.HasSuffix(to, "/") && !isDir:
		return "", "", err
	}
	clean := filepath.Clean(to)
	for range MaxLinks {
		target, err := os.Readlink(clean)
		if err != nil { // it is not a link
			return filepath.Dir(clean), filepath.Base(clean), nil
		}
		if !filepath.IsAbs(target) {
			target = filepath.Join(filepath.Dir(clean), target)
		}
		clean = filepath.Clean(target)
	}
	return "", "", api.Errorf(api.ErrInvalidArgument, "%s: too many links", to)
}

// Unpack writes a stream's files below root; its first element becomes name, or is left out if name is empty.
func Unpack(root *os.Root, name string, tr *tar.Reader, keepOwner bool) error {
	var dirs []*tar.Header
	defer func() {
		for i := len(dirs) - 1; i >= 0; i-- { // files in them changed their times
			_ = root.Chmod(dirs[i].Name, fs.FileMode(dirs[i].Mode).Perm())
			_ = root.Chtimes(dirs[i].Name, dirs[i].ModTime, dirs[i].ModTime)
		}
	}()
	for {
		h, err := tr.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if h.Name = renamed(h.Name, name); h.Name == "." {
			continue
		}
		if h.Typeflag == tar.TypeLink {
			h.Linkname = renamed(h.Linkname, name)
		}
		if h.Typeflag == tar.TypeDir {
			dirs = append(dirs, h)
		}
		if err := unpackOne(root, h, tr); err != nil {
			return err
		}
		if keepOwner {
			if err := own(root, h); err != nil {
				return err
			}
		}
	}
}

// own gives what was unpacked the ids that it had.
func own(root *os.Root, h *tar.Header) error {
	switch h.Typeflag {
	case tar.TypeReg, tar.TypeSymlink, tar.TypeDir: // a hard link has them by its first name
	default:
		return nil
	}
	err := root.Lchown(h.Name, h.Uid, h.Gid)
	if errors.Is(err, fs.ErrPermission) {
		return fmt.Errorf("CopyFromOptions.KeepOwner: the file can't have the owner %d:%d: run as root, or leave KeepOwner out: %w", h.Uid, h.Gid, err)
	}
	return err
}

// renamed replaces the first element.
func renamed(entry, name string) string {
	clean := path.Clean("/" + entry)[1:]
	if strings.HasPrefix(entry, "./") {
		clean = "./" + clean
	}
	_, rest, _ := strings.Cut(clean, "/")
	return path.Join(".", name, rest)
}

func unpackOne(root *os.Root, h *tar.Header, r io.Reader) error {
	have, err := root.Lstat(h.Name)
	exists := err == nil
	if h.Typeflag == tar.TypeDir {
		if exists && have.IsDir() {
			return root.Chmod(h.Name, fs.FileMode(h.Mode).Perm()|0o700)
		}
		return root.Mkdir(h.Name, fs.FileMode(h.Mode).Perm()|0o700)
	}
	if exists && have.IsDir() {
		return &fs.PathError{Op: "copy", Path: h.Name, Err: errors.New("a file can't replace a directory")}
	}
	switch h.Typeflag {
	case tar.TypeReg, tar.TypeSymlink, tar.TypeLink:
	default:
		return nil // a device or pipe is of no use on the host
	}
	if exists {
		if err := root.Remove(h.Name); err != nil {
			return err
		}
	}
	switch h.Typeflag {
	case tar.TypeSymlink:
		return root.Symlink(h.Linkname, h.Name)
	case tar.TypeLink:
		return root.Link(h.Linkname, h.Name)
	}
	f, err := root.OpenFile(h.Name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(f, r)
	if err == nil {
		err = f.Chmod(fs.FileMode(h.Mode).Perm()) // without set-user-id: the owner is another
	}
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		return err
	}
	return root.Chtimes(h.Name, h.ModTime, h.ModTime)
}
