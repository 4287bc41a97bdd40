//go:build linux

package files

import (
	"archive/tar"
	"bufio"
	"errors"
	"io"
	"os"

	"go.podman.io/storage/pkg/archive"
	"go.podman.io/storage/pkg/idtools"
	"golang.org/x/sys/unix"

	"github.com/caisson-dev/caisson/agent/internal/diskspace"
	"github.com/caisson-dev/caisson/agent/internal/thread"
	"github.com/caisson-dev/caisson/agent/internal/untar"
	"github.com/caisson-dev/caisson/internal/api"
)

// unpack unpacks what was picked into the destination if it is an archive, and says whether it is.
func (c *copier) unpack(p *picked) (done bool, err error) {
	if kind(p.st) != unix.S_IFREG {
		return false, nil
	}
	fd, _, err := openFile(p.dir, p.name)
	if err != nil {
		return false, named(p.path, err)
	}
	f := os.NewFile(uintptr(fd), p.path)
	defer f.Close()
	if !isArchive(f) {
		return false, nil
	}
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return false, err
	}
	at, err := resolve(c.root, c.dest, way{follow: true, make: func(dir int, name string) error { return mkdir(dir, name, 0o755, c.owner) }})
	if err != nil {
		return false, c.blame(err)
	}
	defer at.close()
	return true, c.unpackTo(f, at)
}

// isArchive says whether a file is a tar, compressed in a way that is known, by its first entry.
func isArchive(r io.Reader) bool {
	plain, done, err := untar.Plain(bufio.NewReaderSize(r, 64<<10))
	if err != nil {
		return false
	}
	defer done()
	_, err = tar.NewReader(plain).Next()
	return err == nil
}

// unpackTo unpacks an archive into a directory, which is the root of the thread meanwhile: whatever names and links the
// archive has, and whatever links are there, they lead nowhere else.
func (c *copier) unpackTo(r io.Reader, at place) error {
	plain, done, err := untar.Plain(bufio.NewReaderSize(r, 1<<20))
	if err != nil {
		return err
	}
	defer done()
	opts := &archive.TarOptions{InUserNS: c.to.UserNS, IgnoreChownErrors: c.to.OneID}
	if c.owner != nil {
		opts.ChownOpts = &idtools.IDPair{UID: c.owner.UID, GID: c.owner.GID}
	}
	in := &guarded{r: plain, guard: c.data.Guard}
	return thread.RunApart(func() error {
		if err := unix.Fchdir(at.dir); err != nil {
			return os.NewSyscallError("fchdir", err)
		}
		if err := unix.Chdir(at.name); err != nil {
			return os.NewSyscallError("chdir", err)
		}
		if err := unix.Chroot("."); err != nil {
			return os.NewSyscallError("chroot", err)
		}
		unix.Umask(0o022) // of directories that the archive implies: the others' modes are set
		err := archive.Unpack(in, "/", opts)
		if err == nil {
			_, err = io.Copy(io.Discard, in)
		}
		return c.archiveError(in, err)
	})
}

// guarded is the stream of an archive. What it grows to is bounded by the room on the disk.
type guarded struct {
	r     io.Reader
	guard *diskspace.Guard
	err   error
}

func (g *guarded) Read(p []byte) (int, error) {
	n, err := g.r.Read(p)
	if gerr := g.guard.Grow(int64(n)); gerr != nil {
		n, err = 0, gerr
	}
	if err != nil && !errors.Is(err, io.EOF) {
		g.err = err
	}
	return n, err
}

func (c *copier) archiveError(in *guarded, err error) error {
	var apiErr *api.Error
	switch {
	case err == nil:
		return nil
	case errors.Is(err, unix.ENOSPC) || errors.Is(err, unix.EDQUOT):
		return noSpace(c.dest, err)
	case c.ctx.Err() != nil, errors.As(in.err, &apiErr):
		return in.err
	}
	return api.Errorf(api.ErrInvalidArgument, "unpack the archive to %s: %w", c.dest, err)
}
