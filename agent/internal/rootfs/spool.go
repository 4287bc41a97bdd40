//go:build linux

package rootfs

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"strings"

	"go.podman.io/storage"
	"go.podman.io/storage/pkg/archive"

	"github.com/caisson-dev/caisson/agent/internal/names"
)

// Spool copies what a commit takes of a container's layer, as a layer's tar stream, to a file without a name in dir: the
// store's lock is held while a layer is read.
func Spool(ctx context.Context, st Store, id, dir string) (_ *os.File, err error) {
	c, err := st.Container(id)
	if err != nil {
		return nil, layerError(id, err)
	}
	f, err := os.CreateTemp(dir, "commit-")
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			f.Close()
		}
	}()
	if err := os.Remove(f.Name()); err != nil {
		return nil, err
	}
	plain := archive.Uncompressed
	rc, err := st.Diff("", c.LayerID, &storage.DiffOptions{Compression: &plain})
	if err != nil {
		return nil, layerError(id, err)
	}
	err = withoutMountPoints(ctx, f, rc)
	if cerr := rc.Close(); err == nil {
		err = cerr
	}
	if err == nil {
		_, err = f.Seek(0, io.SeekStart)
	}
	if err != nil {
		return nil, fmt.Errorf("read the layer of container %s: %w", names.Short(id), err)
	}
	return f, nil
}

// withoutMountPoints copies a layer without what was made for the engine's mounts, as Docker keeps it in a layer that
// it does not commit.
func withoutMountPoints(ctx context.Context, w io.Writer, r io.Reader) error {
	tr, tw := tar.NewReader(r), tar.NewWriter(w)
	for {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		h, err := tr.Next()
		if errors.Is(err, io.EOF) {
			return tw.Close()
		}
		if err != nil {
			return err
		}
		whiteout := strings.HasPrefix(path.Base(h.Name), archive.WhiteoutPrefix)
		if mountPoint(path.Clean("/"+h.Name)) && h.Size == 0 && !whiteout {
			continue
		}
		if err := tw.WriteHeader(h); err != nil {
			return err
		}
		if _, err := io.Copy(tw, tr); err != nil {
			return err
		}
	}
}
