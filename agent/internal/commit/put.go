//go:build linux

package commit

import (
	"errors"
	"fmt"
	"io"

	"go.podman.io/storage"

	"github.com/caisson-dev/caisson/agent/internal/images"
	"github.com/caisson-dev/caisson/agent/internal/names"
)

// Store is where layers and images are: containers/storage.
type Store interface {
	PutLayer(id, parent string, names []string, mountLabel string, writeable bool, options *storage.LayerOptions, diff io.Reader) (*storage.Layer, int64, error)
	DeleteLayer(id string) error
	AddNames(id string, names []string) error
}

// Put writes a container's layer, and an image of base and it, and gives the image names. It returns the image's id.
func Put(held *images.Held, st Store, container string, base *images.Resolved, cfg *images.NewConfig, diff io.Reader, tags []string) (id string, err error) {
	layer, _, err := st.PutLayer("", base.TopLayer, nil, "", false, nil, diff)
	if err != nil {
		return "", fmt.Errorf("write the layer of container %s: %w", names.Short(container), err)
	}
	id, err = held.Create(base, cfg, layer)
	if err != nil {
		if derr := st.DeleteLayer(layer.ID); derr != nil {
			err = errors.Join(err, derr)
		}
		return "", fmt.Errorf("write the image of container %s: %w", names.Short(container), err)
	}
	if err := held.MarkResult(id); err != nil {
		return "", err
	}
	if len(tags) > 0 {
		if err := st.AddNames(id, tags); err != nil {
			return "", fmt.Errorf("name the image of container %s: %w", names.Short(container), err)
		}
	}
	return id, nil
}
