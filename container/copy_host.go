package container

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"os"
	"path"
	"strings"

	"github.com/caisson-dev/caisson/container/internal/hostcopy"
	"github.com/caisson-dev/caisson/internal/api"
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
	src, content, err := hostcopy.Open(hostPath)
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
		name = src.Name()
	}
	return c.copyTar(ctx, dir, opts, func(tw *tar.Writer) error { return src.Write(tw, name) })
}

// target returns the directory to unpack in and the name that the source gets; empty for its own, in that directory.
func (c *Container) target(ctx context.Context, to string, src hostcopy.Source) (dir, name string, err error) {
	info, err := c.stat(ctx, to, CopyFromOptions{Follow: true})
	switch {
	case err == nil && info.Mode.IsDir():
		return to, "", nil
	case err == nil && src.IsDir():
		return "", "", api.Errorf(ErrInvalidArgument, "%s is not a directory: a directory can't replace it", to)
	case err == nil && strings.HasSuffix(to, "/"):
		return "", "", api.Errorf(ErrInvalidArgument, "%s is not a directory", to)
	case err != nil && !errors.Is(err, ErrNotFound):
		return "", "", err
	case err != nil && strings.HasSuffix(to, "/") && !src.IsDir():
		return "", "", api.Errorf(ErrNotFound, "%s: no such directory in the container: create it first", to)
	}
	clean, err := c.behindLinks(ctx, path.Clean("/"+to))
	return path.Dir(clean), path.Base(clean), err
}

// behindLinks is where a link at the end of a path leads, to something or nothing: a file is written there, and the link
// stays.
func (c *Container) behindLinks(ctx context.Context, name string) (string, error) {
	for range hostcopy.MaxLinks {
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
	dir, name, err := hostcopy.Target(hostPath, info.Mode.IsDir())
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
	if err := hostcopy.Unpack(root, name, tar.NewReader(body), opts.KeepOwner); err != nil {
		return fmt.Errorf("download %s: %w", from, err)
	}
	return nil
}
