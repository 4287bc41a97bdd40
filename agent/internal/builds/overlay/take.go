//go:build linux

package overlay

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/opencontainers/go-digest"
	"go.podman.io/storage"
	drivers "go.podman.io/storage/drivers"
	"go.podman.io/storage/pkg/archive"
	"golang.org/x/sys/unix"

	"github.com/caisson-dev/caisson/agent/internal/images/layer"
)

// Layer is one of the store.
type Layer struct {
	ID     string
	DiffID digest.Digest
	Size   int64 // of its tar
	Empty  bool  // nothing is in it
	Had    bool  // the store had an equal one, which is taken
}

// emptyTar is the digest of a tar without entries.
var emptyTar = digest.FromBytes(make([]byte, 1024))

// LayerID is the id of a layer on another, as all who add layers to the store compute it.
func LayerID(parent string, diffID digest.Digest) string {
	if parent == "" {
		return diffID.Encoded()
	}
	return digest.Canonical.FromString(parent + "+" + diffID.Encoded()).Encoded()
}

// ErrElsewhere says that a directory can't be moved into the store: it is on another file system, or the store keeps layers in
// another form.
var ErrElsewhere = errors.New("the directory can't be moved into the store")

// Take makes a layer on parent of the top directory of a mount, which is unmounted. The directory is moved into the store, so
// it is gone or replaced by an empty one afterwards. With ErrElsewhere it is as it was.
func Take(ctx context.Context, s *layer.Store, dir, parent string, epoch time.Time) (Layer, error) {
	d := &differ{ctx: ctx, dir: dir, epoch: epoch}
	out, err := s.Storage.PrepareStagedLayer(&drivers.ApplyDiffWithDifferOpts{}, d)
	if err != nil {
		if out != nil && out.Target != "" {
			_ = s.Discard(out) // the first error says more
		}
		return Layer{}, err
	}
	return add(s, out, parent)
}

// add makes an unpacked or moved layer part of the store, unless it is.
func add(s *layer.Store, out *drivers.DriverWithDifferOutput, parent string) (Layer, error) {
	diffID := out.UncompressedDigest
	l := Layer{ID: LayerID(parent, diffID), DiffID: diffID, Size: out.Size, Empty: diffID == emptyTar}
	l.Had = s.Storage.Exists(l.ID)
	if l.Had {
		return l, s.Discard(out)
	}
	_, err := s.Apply(l.ID, parent, out)
	if errors.Is(err, storage.ErrDuplicateID) { // another build was faster
		l.Had = true
		return l, s.Discard(out)
	}
	return l, err
}

// differ is the storage driver's way to layers that it does not unpack itself.
type differ struct {
	ctx   context.Context
	dir   string
	epoch time.Time
}

// Close has nothing to close.
func (d *differ) Close() error { return nil }

// ApplyDiff is called by the storage driver, with an empty directory dest.
func (d *differ) ApplyDiff(dest string, _ *archive.TarOptions, do *drivers.DifferOptions) (out drivers.DriverWithDifferOutput, err error) {
	if do.Format != drivers.DifferOutputFormatDir || !sameDevice(d.dir, dest) {
		return out, ErrElsewhere
	}
	split, err := os.CreateTemp(do.StagingDirectory, "tar-split")
	if err != nil {
		return out, err
	}
	defer func() {
		if err != nil {
			split.Close()
		}
	}()
	if err := os.Remove(split.Name()); err != nil {
		return out, err
	}
	got, err := Pack(d.ctx, []string{d.dir}, PackOptions{Split: split, Epoch: d.epoch, Touch: true})
	if err != nil {
		return out, err
	}
	st, err := os.Stat(d.dir)
	if err != nil {
		return out, err
	}
	if err := move(d.dir, dest); err != nil {
		return out, err
	}
	mode := st.Mode()
	out.UncompressedDigest, out.Size, out.TarSplit, out.RootDirMode = got.DiffID, got.Size, split, &mode
	out.UIDs, out.GIDs = got.UIDs, got.GIDs
	return out, nil
}

func sameDevice(a, b string) bool {
	var x, y unix.Stat_t
	return unix.Stat(a, &x) == nil && unix.Stat(filepath.Dir(b), &y) == nil && x.Dev == y.Dev
}

// move puts a directory in the place of an empty one. containers/storage mounts its directory onto itself, and the kernel
// renames nothing from one mount into another: both are reached by a mount of the directory that they are in, without those
// below it.
func move(from, to string) error {
	base, rest := common(from, to)
	fd, err := unix.OpenTree(unix.AT_FDCWD, base, unix.OPEN_TREE_CLONE|unix.OPEN_TREE_CLOEXEC)
	if err != nil {
		return ErrElsewhere // a kernel before 5.2, or one that does not let this user
	}
	defer unix.Close(fd)
	err = unix.Renameat(fd, rest[0], fd, rest[1])
	if errors.Is(err, unix.EXDEV) || errors.Is(err, unix.ENOENT) { // another mount lies between
		return ErrElsewhere
	}
	return os.NewSyscallError("rename", err)
}

// common splits two absolute paths behind the last directory that they share.
func common(a, b string) (base string, rest [2]string) {
	base = filepath.Dir(a)
	for {
		x, err1 := filepath.Rel(base, a)
		y, err2 := filepath.Rel(base, b)
		if err1 == nil && err2 == nil && !strings.HasPrefix(y, "../") || base == "/" {
			return base, [2]string{x, y}
		}
		base = filepath.Dir(base)
	}
}
