package transfer

import (
	"context"
	"errors"
	"io"

	upstream "go.podman.io/image/v5/image"
	"go.podman.io/image/v5/types"
)

// ReadArchive reads of an archive what Load reads before it touches the store: the images, their names, manifests and
// configurations. dir is for temporary files.
func ReadArchive(ctx context.Context, dir string, r io.Reader) (names [][]string, err error) {
	sc := systemContext(dir, dir)
	file := dir + "/archive"
	if err := spool(ctx, file, r); err != nil {
		return nil, err
	}
	list, done, err := inArchive(ctx, sc, dir, file)
	if err != nil {
		return nil, err
	}
	defer done()
	for _, in := range list {
		if err := readImage(ctx, sc, in); err != nil {
			return nil, Explain(ctx, "the archive", brokenArchive(ctx, err))
		}
		names = append(names, in.names)
	}
	return names, nil
}

func readImage(ctx context.Context, sc *types.SystemContext, in archived) error {
	src := &opened{ImageReference: in.source}
	defer src.close()
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
		if err := understood(info, ids[i]); err != nil {
			return err
		}
	}
	return nil
}
