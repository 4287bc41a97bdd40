// Package untar unpacks archives that nobody vouches for.
package untar

import (
	"archive/tar"
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/caisson-dev/caisson/agent/internal/diskspace"
	"github.com/caisson-dev/caisson/internal/api"
)

// Dir unpacks a tar stream, compressed as Plain takes it, into dir. It writes nothing outside, whatever the archive says: names that
// lead out are an error, and os.Root does not follow links out. Files, directories and links are all that it makes.
//
// Errors: api.ErrInvalidArgument for an archive that is hostile or empty, ErrCorrupt for a broken one or one of more
// than diskspace.MaxEntries, ErrNoSpace for one that would fill the disk.
func Dir(ctx context.Context, dir string, r io.Reader) error {
	r, done, err := Plain(bufio.NewReaderSize(r, 64<<10))
	if err != nil {
		return err
	}
	defer done()
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer root.Close()
	guard, err := diskspace.NewGuard(ctx, dir)
	if err != nil {
		return err
	}
	defer guard.Close()
	u := &unpacker{root: root, guard: guard, modes: map[string]fs.FileMode{}}
	in := &counter{r: r}
	tr := tar.NewReader(in)
	for {
		h, err := tr.Next()
		if errors.Is(err, io.EOF) {
			if in.n == 0 { // an archive of no files ends with two blocks of zeros
				return api.Errorf(api.ErrInvalidArgument, "the tar stream is empty")
			}
			return u.finish()
		}
		if err != nil {
			return api.Errorf(api.ErrCorrupt, "tar: %w", err)
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := u.guard.Entry(); err != nil {
			return err
		}
		if err := u.entry(h, tr); err != nil {
			return err
		}
	}
}

// counter counts the bytes that were read.
type counter struct {
	r io.Reader
	n int64
}

func (c *counter) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += int64(n)
	return n, err
}

type unpacker struct {
	root  *os.Root
	guard *diskspace.Guard
	modes map[string]fs.FileMode // of directories, set at the end: a read-only one could not be filled
}

func (u *unpacker) entry(h *tar.Header, r io.Reader) error {
	name := path.Clean(h.Name)
	if name == "." {
		return nil
	}
	if !filepath.IsLocal(name) || strings.ContainsRune(h.Name, 0) {
		return api.Errorf(api.ErrInvalidArgument, "tar: the name %q leads out of the archive", h.Name)
	}
	if d := path.Dir(name); d != "." {
		if err := u.root.MkdirAll(d, 0o755); err != nil {
			return hostile(h, err)
		}
	}
	mode := h.FileInfo().Mode()
	switch h.Typeflag {
	case tar.TypeDir:
		u.modes[name] = mode
		return hostile(h, u.root.MkdirAll(name, 0o700))
	case tar.TypeReg:
		return hostile(h, u.file(name, mode, r))
	case tar.TypeSymlink:
		return hostile(h, u.replace(name, func() error { return u.root.Symlink(h.Linkname, name) }))
	case tar.TypeLink:
		target := path.Clean(h.Linkname)
		if !filepath.IsLocal(target) {
			return api.Errorf(api.ErrInvalidArgument, "tar: the link %q leads out of the archive, to %q", h.Name, h.Linkname)
		}
		return hostile(h, u.replace(name, func() error { return u.root.Link(target, name) }))
	case tar.TypeXGlobalHeader:
		return nil
	}
	return api.Errorf(api.ErrInvalidArgument, "tar: %q is neither a file, a directory nor a link: only those are unpacked", h.Name)
}

func (u *unpacker) file(name string, mode fs.FileMode, r io.Reader) error {
	return u.replace(name, func() error {
		f, err := u.root.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
		if err != nil {
			return err
		}
		_, err = io.Copy(u.guard.Writer(f), r)
		return errors.Join(err, f.Chmod(mode.Perm()|mode&(fs.ModeSetuid|fs.ModeSetgid|fs.ModeSticky)), f.Close())
	})
}

// replace makes way for name, which a later entry of the archive may have again.
func (u *unpacker) replace(name string, make func() error) error {
	err := make()
	if !errors.Is(err, fs.ErrExist) {
		return err
	}
	if err := u.root.Remove(name); err != nil {
		return err
	}
	return make()
}

func (u *unpacker) finish() error {
	for name, mode := range u.modes {
		if err := u.root.Chmod(name, mode.Perm()|mode&(fs.ModeSetuid|fs.ModeSetgid|fs.ModeSticky)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

func hostile(h *tar.Header, err error) error {
	switch {
	case err == nil:
		return nil
	case strings.Contains(err.Error(), "path escapes"):
		return api.Errorf(api.ErrInvalidArgument, "tar: %q leads out of the archive by a link: %w", h.Name, err)
	case errors.Is(err, io.ErrUnexpectedEOF):
		return api.Errorf(api.ErrCorrupt, "tar: %q: %w", h.Name, err)
	}
	return fmt.Errorf("tar: %q: %w", h.Name, err)
}
