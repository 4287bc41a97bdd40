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
	"slices"
	"strings"

	"go.podman.io/storage"
	"go.podman.io/storage/pkg/archive"

	"github.com/caisson-dev/caisson/agent/internal/names"
	"github.com/caisson-dev/caisson/agent/internal/pack"
)

// Spool copies what a commit takes of a container's layer, as a layer's tar stream, to a file without a name in dir: the
// store's lock is held while a layer is read.
// The files of volumes take the place of what the layer has where they are mounted.
func Spool(ctx context.Context, st Store, id, dir string, volumes []Volume) (_ *os.File, err error) {
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
	err = withoutMountPoints(ctx, f, rc, volumes)
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

// Volume is one whose files become part of a layer.
type Volume struct {
	Target string // in the container, clean
	Dir    string // of its files
}

// write writes a volume's files, which hide what layers below have in their place.
func (v Volume) write(tw *tar.Writer) error {
	root, err := openPath(v.Dir)
	if err != nil {
		return err
	}
	defer root.Close()
	name := strings.TrimPrefix(v.Target, "/")
	if err := pack.To(tw).Add(root, name); err != nil {
		return err
	}
	return tw.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: path.Join(name, archive.WhiteoutOpaqueDir), Mode: 0o600})
}

// withoutMountPoints copies a layer without what was made for the engine's mounts, as Docker keeps it in a layer that
// it does not commit.
func withoutMountPoints(ctx context.Context, w io.Writer, r io.Reader, volumes []Volume) error {
	tr, tw := tar.NewReader(r), tar.NewWriter(w)
	for {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		h, err := tr.Next()
		if errors.Is(err, io.EOF) {
			for _, v := range volumes {
				if err := v.write(tw); err != nil {
					return fmt.Errorf("volume at %s: %w", v.Target, err)
				}
			}
			return tw.Close()
		}
		if err != nil {
			return err
		}
		whiteout := strings.HasPrefix(path.Base(h.Name), archive.WhiteoutPrefix)
		name := path.Clean("/" + h.Name)
		hidden := slices.ContainsFunc(volumes, func(v Volume) bool { return name == v.Target || strings.HasPrefix(name, v.Target+"/") })
		if hidden || mountPoint(name) && h.Size == 0 && !whiteout {
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
