package images

import (
	"bufio"
	"context"
	"errors"
	"io"

	"github.com/opencontainers/go-digest"
	upstream "go.podman.io/image/v5/image"
	"go.podman.io/storage/pkg/archive"

	"github.com/caisson-dev/caisson/agent/internal/diskspace"
	"github.com/caisson-dev/caisson/agent/internal/state"
)

// Unpack unpacks a layer into dest as pulls do, and writes what is needed to pack it again to split.
func Unpack(ctx context.Context, dest string, r io.Reader, split io.Writer) (int64, digest.Digest, error) {
	return UnpackAtMost(ctx, dest, r, split, diskspace.MaxEntries)
}

// UnpackAtMost is Unpack with another limit of entries.
func UnpackAtMost(ctx context.Context, dest string, r io.Reader, split io.Writer, entries int) (int64, digest.Digest, error) {
	guard, err := diskspace.NewGuard(ctx, dest)
	if err != nil {
		return 0, "", err
	}
	defer guard.Close()
	guard.Max = entries
	u := &unpack{options: &archive.TarOptions{}, owners: map[[2]int]bool{}, guard: guard}
	return u.layer(dest, bufio.NewReader(r), split)
}

// ReadArchive reads of an archive what Load reads before it touches the store: the images, their names, manifests and
// configurations. dir is for temporary files.
func ReadArchive(ctx context.Context, dir string, r io.Reader) (names [][]string, err error) {
	s := &Service{layout: state.Layout{Root: dir}, temp: &Temp{ID: "fuzz", Dir: dir}}
	file := dir + "/archive"
	if err := spool(ctx, file, r); err != nil {
		return nil, err
	}
	list, done, err := s.inArchive(ctx, dir, file)
	if err != nil {
		return nil, err
	}
	defer done()
	for _, in := range list {
		if err := s.readImage(ctx, in); err != nil {
			return nil, Explain(ctx, "the archive", brokenArchive(ctx, err))
		}
		names = append(names, in.names)
	}
	return names, nil
}

func (s *Service) readImage(ctx context.Context, in archived) error {
	src := &opened{ImageReference: in.source}
	defer src.close()
	sc := s.SystemContext()
	if err := src.open(ctx, sc); err != nil {
		return err
	}
	unparsed, err := chooseInstance(ctx, src.source, sc)
	if errors.Is(err, errNotFast) {
		return nil // upstream's copy says why
	}
	if err != nil {
		return err
	}
	img, err := upstream.FromUnparsedImage(ctx, sc, unparsed)
	if err != nil {
		return err
	}
	ids, err := diffIDs(ctx, img)
	if err != nil {
		return err
	}
	for i, info := range img.LayerInfos() {
		if err := s.understood(info, ids[i]); err != nil {
			return err
		}
	}
	return nil
}
