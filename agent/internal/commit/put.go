//go:build linux

package commit

import (
	"bufio"
	"context"
	"fmt"
	"io"

	"go.podman.io/storage"

	"github.com/caisson-dev/caisson/agent/internal/builds/overlay"
	"github.com/caisson-dev/caisson/agent/internal/images"
	"github.com/caisson-dev/caisson/agent/internal/images/layer"
	"github.com/caisson-dev/caisson/agent/internal/names"
)

// Store is where layers and images are.
type Store interface {
	Layers() *layer.Store
	Storage() storage.Store
	Left(images.Leftover)
}

// Put writes a container's layer, and an image of base and it, and gives the image names. It returns the image's id. diff is
// the layer's tar.
func Put(ctx context.Context, held *images.Held, st Store, container string, base *images.Resolved, cfg *images.NewConfig, diff io.Reader, tags []string) (id string, err error) {
	// Not by the storage driver's PutLayer: what that unpacks, another process can take for a dead one's and remove.
	l, err := overlay.Stage(ctx, st.Layers(), source{diff}, base.TopLayer)
	if err != nil {
		return "", fmt.Errorf("write the layer of container %s: %w", names.Short(container), err)
	}
	defer func() {
		if err != nil {
			st.Left(images.LeftOver)
		}
	}()
	added, err := st.Storage().Layer(l.ID)
	if err == nil {
		id, err = held.Create(base, cfg, added)
	}
	if err != nil {
		return "", fmt.Errorf("write the image of container %s: %w", names.Short(container), err)
	}
	if err := held.MarkResult(id); err != nil {
		return "", err
	}
	if len(tags) > 0 {
		if err := held.AddNames(id, tags...); err != nil {
			return "", fmt.Errorf("name the image of container %s: %w", names.Short(container), err)
		}
	}
	return id, nil
}

// source is a layer's tar.
type source struct{ io.Reader }

// Open returns it.
func (s source) Open() (io.ReadCloser, error) { return io.NopCloser(s.Reader), nil }

// Check reads it to its end.
func (s source) Check(in *bufio.Reader, _ layer.Unpacked, err error) error {
	if err == nil {
		_, err = io.Copy(io.Discard, in)
	}
	return err
}
