package dockertest

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"hash"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/caisson-dev/caisson/container"
	"github.com/caisson-dev/caisson/internal/inputs"
)

// file puts something into the container before it starts.
type file struct {
	what   string
	target string
	put    func(ctx context.Context, c *container.Container) error
	sum    func(h hash.Hash) error // of what is put
	has    func(below string) bool // whether it puts something at a path below target
	note   func()                  // tells the go command what is read; nil: nothing is
	host   string                  // the absolute path of what is copied from this machine; empty for the rest
}

// toPlace: what the container may not write to is written before it runs.
var toPlace = container.CopyOptions{ReadOnlyRoot: true}

func (f file) apply(s *settings) { s.files = append(s.files, f) }

// File writes a file of the container before it starts. It is root's and everyone may read it; directories on the way
// are made. Files and HostFile keep the modes that they find.
//
// It may be in a volume or a mounted directory, which has it from then on, or in a Tmpfs, which begins with it at every
// start, and with what the image has there.
func File(target string, data []byte) Option {
	return file{"File " + target, target, func(ctx context.Context, c *container.Container) error {
		return c.WriteFile(ctx, target, data, 0o644, toPlace)
	}, func(h hash.Hash) error {
		_, err := h.Write(data)
		return err
	}, func(string) bool { return false }, nil, ""}
}

// Files copies a file system, such as an embed.FS or os.DirFS("testdata"), into a directory of the container before it
// starts.
func Files(target string, fsys fs.FS) Option {
	return file{"Files " + target, target, func(ctx context.Context, c *container.Container) error {
		return c.CopyFS(ctx, target, fsys, toPlace)
	}, func(h hash.Hash) error { return inputs.Hash(h, fsys) }, func(below string) bool {
		_, err := fs.Stat(fsys, below)
		return err == nil
	}, func() { inputs.FS(fsys) }, ""}
}

// HostFile copies a file or a directory of this machine into the container before it starts, by the rules of docker cp.
// Directories on the way to target are made. The container changes its copy alone.
func HostFile(source, target string) Option {
	host, err := filepath.Abs(source)
	if err != nil {
		host = source // the copy fails for the same reason
	}
	return file{"HostFile " + source, target, func(ctx context.Context, c *container.Container) error {
		if err := makeDir(ctx, c, path.Dir(path.Clean("/"+target))); err != nil {
			return err
		}
		return c.Upload(ctx, source, target, toPlace)
	}, func(h hash.Hash) error {
		fmt.Fprintf(h, "%q\n", target)
		return inputs.HashPath(h, source)
	}, func(below string) bool {
		_, err := os.Stat(filepath.Join(source, filepath.FromSlash(below)))
		return err == nil
	}, func() { inputs.Tree(source) }, host}
}

// makeDir makes a directory of the container, with those above it, if it does not exist.
func makeDir(ctx context.Context, c *container.Container, dir string) error {
	if _, err := c.StatPath(ctx, dir); !errors.Is(err, container.ErrNotFound) {
		return err
	}
	var b bytes.Buffer
	tw := tar.NewWriter(&b)
	err := tw.WriteHeader(&tar.Header{Typeflag: tar.TypeDir, Name: dir[1:] + "/", Mode: 0o755, ModTime: time.Now(), Format: tar.FormatPAX})
	if err = errors.Join(err, tw.Close()); err != nil {
		return err
	}
	return c.CopyTo(ctx, "/", &b, toPlace)
}

// noteInputs tells the go command which files of this machine the container is made of.
func (s *settings) noteInputs() {
	for _, f := range s.files {
		if f.note != nil {
			f.note()
		}
	}
	for _, m := range s.opts.Mounts {
		if m.Type == "" || m.Type == container.MountBind {
			inputs.Tree(m.Source)
		}
	}
}

// keepFiles has each Tmpfs begin with the files that are put there: what is put before the start is below the memory.
func (s *settings) keepFiles() {
	s.opts.Mounts = slices.Clone(s.opts.Mounts)
	for i := range s.opts.Mounts {
		m := &s.opts.Mounts[i]
		if m.Type == container.MountTmpfs && !slices.Contains(m.Tmpfs.Options, copyUp) && slices.ContainsFunc(s.files, func(f file) bool { return f.reaches(m.Target) }) {
			m.Tmpfs.Options = append(slices.Clone(m.Tmpfs.Options), copyUp)
		}
	}
}

// copyUp is the mount option of a tmpfs that begins with what is below it.
const copyUp = "tmpcopyup"

// reaches says whether something of the file is put at a path of the container or below it.
func (f file) reaches(dir string) bool {
	target, dir := path.Clean("/"+f.target), path.Clean("/"+dir)
	if below(dir, target) {
		return true
	}
	return below(target, dir) && f.has(strings.TrimPrefix(strings.TrimPrefix(dir, target), "/"))
}

// below says whether a path is a directory or below it.
func below(dir, name string) bool {
	return name == dir || strings.HasPrefix(name, strings.TrimSuffix(dir, "/")+"/")
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
		return p.poll(ctx, func(ctx context.Context) error {
			_, err := p.StatPath(ctx, path)
			return err
		})
	}}
}
