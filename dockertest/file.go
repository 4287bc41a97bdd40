package dockertest

import (
	"context"
	"fmt"
	"io/fs"

	"github.com/caisson-dev/caisson/container"
)

// file puts something into the container before it starts.
type file struct {
	what string
	put  func(ctx context.Context, c *container.Container) error
}

func fileOption(what string, put func(context.Context, *container.Container) error) Option {
	return optionFunc(func(s *settings) { s.files = append(s.files, file{what, put}) })
}

// File writes a file of the container before it starts. It is root's and everyone may read it; directories on the way
// are made. Files and HostFile keep the modes that they find.
func File(target string, data []byte) Option {
	return fileOption("File "+target, func(ctx context.Context, c *container.Container) error {
		return c.WriteFile(ctx, target, data, 0o644, container.CopyOptions{})
	})
}

// Files copies a file system, as an embed.FS or os.DirFS("testdata"), into a directory of the container before it
// starts.
func Files(target string, fsys fs.FS) Option {
	return fileOption("Files "+target, func(ctx context.Context, c *container.Container) error {
		return c.CopyFS(ctx, target, fsys, container.CopyOptions{})
	})
}

// HostFile copies a file or a directory of this machine into the container before it starts; the container changes its
// copy alone.
func HostFile(source, target string) Option {
	return fileOption("HostFile "+source, func(ctx context.Context, c *container.Container) error {
		return c.Upload(ctx, source, target, container.CopyOptions{})
	})
}

// place puts all files, in the order of the options.
func (c *Container) place(ctx context.Context) error {
	for _, f := range c.settings.files {
		if err := f.put(ctx, c.Container); err != nil {
			return fmt.Errorf("%s: %w", f.what, err)
		}
	}
	return nil
}

// WaitFile waits until there is a file, or anything else, at the path.
func WaitFile(path string) Wait {
	return Wait{what: "file " + path, hold: func(ctx context.Context, p *probe) error {
		return p.poll(ctx, func(ctx context.Context) error {
			_, err := p.StatPath(ctx, path)
			return err
		})
	}}
}
