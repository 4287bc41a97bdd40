package container

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/caisson-dev/caisson/internal/api"
	"github.com/caisson-dev/caisson/internal/fstar"
)

// Upload copies a file or a tree of the host into the container, by the rules of docker cp:
//
//   - A file goes to the path, or into the directory that is there.
//   - A directory becomes a directory at the path, or goes into the directory that is there. If hostPath ends in "/.",
//     only its content is copied.
//   - A symbolic link is copied as a link, unless hostPath ends in a slash.
//   - A file that goes to a symbolic link goes where that leads, and the link stays.
//
// The directory above the path must exist.
//
// Errors: those of CopyTo and of the host's file system.
func (c *Container) Upload(ctx context.Context, hostPath, path string, opts CopyOptions) error {
	src, content, err := hostSource(hostPath)
	if err != nil {
		return err
	}
	dir, name, err := c.target(ctx, path, src)
	if err != nil {
		return fmt.Errorf("upload %s: %w", hostPath, err)
	}
	if content && name == "" {
		name = "."
	} else if name == "" {
		name = filepath.Base(src.path)
	}
	return c.copyTar(ctx, dir, opts, func(tw *tar.Writer) error { return src.write(tw, name) })
}

// source is what an upload copies.
type source struct {
	path string
	info fs.FileInfo
}

// hostSource looks at what is to be uploaded. content: not the directory itself.
func hostSource(hostPath string) (src source, content bool, err error) {
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

// target returns the directory to unpack in and the name that the source gets; empty for its own, in that directory.
func (c *Container) target(ctx context.Context, to string, src source) (dir, name string, err error) {
	info, err := c.stat(ctx, to, CopyFromOptions{Follow: true})
	switch {
	case err == nil && info.Mode.IsDir():
		return to, "", nil
	case err == nil && src.info.IsDir():
		return "", "", api.Errorf(ErrInvalidArgument, "%s is not a directory: a directory can't replace it", to)
	case err == nil && strings.HasSuffix(to, "/"):
		return "", "", api.Errorf(ErrInvalidArgument, "%s is not a directory", to)
	case err != nil && !errors.Is(err, ErrNotFound):
		return "", "", err
	case err != nil && strings.HasSuffix(to, "/") && !src.info.IsDir():
		return "", "", api.Errorf(ErrNotFound, "%s: no such directory in the container: create it first", to)
	}
	clean, err := c.behindLinks(ctx, path.Clean("/"+to))
	return path.Dir(clean), path.Base(clean), err
}

// maxLinks is how many links the kernel follows (path_resolution(7)).
const maxLinks = 40

// behindLinks is where a link at the end of a path leads, to something or nothing: a file is written there, and the link
// stays.
func (c *Container) behindLinks(ctx context.Context, name string) (string, error) {
	for range maxLinks {
		info, err := c.stat(ctx, name, CopyFromOptions{})
		if errors.Is(err, ErrNotFound) || err == nil && info.LinkTarget == "" {
			return name, nil
		}
		if err != nil {
			return "", err
		}
		name = linked(name, info.LinkTarget)
	}
	return "", api.Errorf(ErrInvalidArgument, "%s: too many links", name)
}

// linked is the path that a link's target names.
func linked(link, target string) string {
	if path.IsAbs(target) {
		return path.Clean(target)
	}
	return path.Join(path.Dir(link), target)
}

// write writes the source as name.
func (s source) write(tw *tar.Writer, name string) error {
	if !s.info.IsDir() {
		return fstar.File(tw, os.DirFS(filepath.Dir(s.path)), filepath.Base(s.path), name, s.info, keepOwner)
	}
	return fstar.Tree(tw, os.DirFS(s.path), ".", name, keepOwner)
}

// Download copies a file or a tree of the container to the host, by the same rules as Upload in the other direction. The
// copies belong to the caller, unless opts says otherwise. Nothing that the container does makes Download write outside
// hostPath.
//
// Errors: those of CopyFrom and of the host's file system.
func (c *Container) Download(ctx context.Context, from, hostPath string, opts CopyFromOptions) error {
	body, info, err := c.CopyFrom(ctx, from, opts)
	if err != nil {
		return err
	}
	defer body.Close()
	dir, name, err := hostTarget(hostPath, info.Mode.IsDir())
	if err != nil {
		return fmt.Errorf("download %s: %w", from, err)
	}
	if name == "" && !strings.HasSuffix(from, "/.") && from != "." {
		if name = info.Name; name == "/" {
			name = "."
		}
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer root.Close()
	if err := unpack(root, name, tar.NewReader(body), opts.KeepOwner); err != nil {
		return fmt.Errorf("download %s: %w", from, err)
	}
	return nil
}

// hostTarget is target for the host.
func hostTarget(to string, isDir bool) (dir, name string, err error) {
	info, err := os.Stat(to)
	switch {
	case err == nil && info.IsDir():
		return to, "", nil
	case err == nil && (isDir || strings.HasSuffix(to, "/")):
		return "", "", api.Errorf(ErrInvalidArgument, "%s is not a directory", to)
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return "", "", err
	case err != nil && strings.HasSuffix(to, "/") && !isDir:
		return "", "", err
	}
	clean := filepath.Clean(to)
	for range maxLinks {
		target, err := os.Readlink(clean)
		if err != nil { // it is not a link
			return filepath.Dir(clean), filepath.Base(clean), nil
		}
		if !filepath.IsAbs(target) {
			target = filepath.Join(filepath.Dir(clean), target)
		}
		clean = filepath.Clean(target)
	}
	return "", "", api.Errorf(ErrInvalidArgument, "%s: too many links", to)
}

// unpack writes a stream's files below root; its first element becomes name, or is left out if name is empty.
func unpack(root *os.Root, name string, tr *tar.Reader, keepOwner bool) error {
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
