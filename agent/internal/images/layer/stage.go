package layer

import (
	"bufio"
	"context"
	"errors"
	"io"
	"os"

	drivers "go.podman.io/storage/drivers"
	"go.podman.io/storage/pkg/archive"

	"github.com/caisson-dev/caisson/agent/internal/diskspace"
	"github.com/caisson-dev/caisson/internal/api"
)

// ErrFormat says that the store keeps layers in a form that this package does not unpack.
var ErrFormat = api.Errorf(api.ErrUnsupported, "the store is configured for composefs")

// ReadAhead is how much of a compressed layer is buffered.
const ReadAhead = 1 << 20

// Source is where a layer is read from.
type Source interface {
	// Open is called once, when the store is ready for the layer. The stream is a tar, compressed as untar.Plain takes it.
	Open() (io.ReadCloser, error)
	// Check judges what was unpacked, or why it was not: in is what is left of the stream. It returns err, or a better one,
	// or what it finds wrong itself.
	Check(in *bufio.Reader, got Unpacked, err error) error
}

// Stage unpacks a layer beside those of the store. What it returns is given to Apply or Discard.
func (s *Store) Stage(ctx context.Context, src Source) (*drivers.DriverWithDifferOutput, error) {
	out, err := s.Storage.PrepareStagedLayer(&drivers.ApplyDiffWithDifferOpts{}, &differ{ctx, src})
	if err != nil {
		if out != nil && out.Target != "" {
			_ = s.Discard(out) // the first error says more
		}
		return nil, err
	}
	return out, nil
}

// differ unpacks a layer into the directory that the storage driver gives it.
type differ struct {
	ctx context.Context
	src Source
}

// Close has nothing to close.
func (d *differ) Close() error { return nil }

// ApplyDiff is called by the storage driver.
func (d *differ) ApplyDiff(dest string, o *archive.TarOptions, do *drivers.DifferOptions) (out drivers.DriverWithDifferOutput, err error) {
	if do.Format != drivers.DifferOutputFormatDir {
		return out, ErrFormat
	}
	rc, err := d.src.Open()
	if err != nil {
		return out, err
	}
	defer rc.Close()
	split, err := nameless(do.StagingDirectory, "tar-split")
	if err != nil {
		return out, err
	}
	got, err := d.unpack(dest, o, rc, split)
	if err != nil {
		return out, errors.Join(err, split.Close())
	}
	out.UncompressedDigest, out.Size, out.TarSplit = got.DiffID, got.Size, split
	out.UIDs, out.GIDs = got.UIDs, got.GIDs
	return out, nil
}

func (d *differ) unpack(dest string, o *archive.TarOptions, r io.Reader, split io.Writer) (Unpacked, error) {
	guard, err := diskspace.NewGuard(d.ctx, dest)
	if err != nil {
		return Unpacked{}, err
	}
	defer guard.Close()
	in := bufio.NewReaderSize(r, ReadAhead)
	got, err := Unpack(guard, dest, in, split, o)
	return got, d.src.Check(in, got, err)
}

// nameless makes a temporary file that goes when it is closed.
func nameless(dir, pattern string) (*os.File, error) {
	f, err := os.CreateTemp(dir, pattern)
	if err != nil {
		return nil, err
	}
	if err := os.Remove(f.Name()); err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}
