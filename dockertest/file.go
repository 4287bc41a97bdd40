package dockertest

import (
	"context"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"os"

	"github.com/caisson-dev/caisson/container"
)

// file puts something into the container before it starts.
type file struct {
	what string
	put  func(ctx context.Context, c *container.Container) error
	sum  func(h hash.Hash) error // of what is put
}

func (f file) apply(s *settings) { s.files = append(s.files, f) }

// File writes a file of the container before it starts. It is root's and everyone may read it; directories on the way
// are made. Files and HostFile keep the modes that they find.
func File(target string, data []byte) Option {
	return file{"File " + target, func(ctx context.Context, c *container.Container) error {
		return c.WriteFile(ctx, target, data, 0o644, container.CopyOptions{})
	}, func(h hash.Hash) error {
		_, err := h.Write(data)
		return err
	}}
}

// Files copies a file system, as an embed.FS or os.DirFS("testdata"), into a directory of the container before it
// starts.
func Files(target string, fsys fs.FS) Option {
	return file{"Files " + target, func(ctx context.Context, c *container.Container) error {
		return c.CopyFS(ctx, target, fsys, container.CopyOptions{})
	}, func(h hash.Hash) error { return hashFS(h, fsys) }}
}

// HostFile copies a file or a directory of this machine into the container before it starts; the container changes its
// copy alone.
func HostFile(source, target string) Option {
	return file{"HostFile " + source, func(ctx context.Context, c *container.Container) error {
		return c.Upload(ctx, source, target, container.CopyOptions{})
	}, func(h hash.Hash) error {
		fmt.Fprintf(h, "%q\n", target)
		return hashHost(h, source)
	}}
}

// hashHost hashes a file or directory of this machine.
func hashHost(h hash.Hash, path string) error {
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return err
	case info.IsDir():
		return hashFS(h, os.DirFS(path))
	}
	fmt.Fprintln(h, info.Mode())
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	_, err = io.Copy(h, f)
	return errors.Join(err, f.Close())
}

// place puts all files, in the order of the options.
func (f *Fixture) place(ctx context.Context) error {
	for _, file := range f.settings.files {
		if err := file.put(ctx, f.Container); err != nil {
			return fmt.Errorf("%s: %w", file.what, err)
		}
	}
	return nil
}

// WaitFile waits until there is a file, or anything else, at the path.
func WaitFile(path string) Wait {
	return Wait{what: "file " + path, hold: func(ctx context.Context, p *probe) error {
		return p.poll(ctx, plain(func(ctx context.Context) error {
			_, err := p.StatPath(ctx, path)
			return err
		}))
	}}
}
