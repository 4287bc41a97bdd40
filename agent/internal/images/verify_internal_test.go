package images

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"
	"go.podman.io/storage"
)

// TestSpread: an image is damaged by any of its layers, a container by its image, and nothing else is.
func TestSpread(t *testing.T) {
	t.Parallel()
	all := &storage.MultiListResult{
		Layers: []storage.Layer{{ID: "base"}, {ID: "a", Parent: "base"}, {ID: "b", Parent: "base"}, {ID: "b2", Parent: "b"}},
		Images: []storage.Image{
			{ID: "base", TopLayer: "base"}, {ID: "a", TopLayer: "a"}, {ID: "b2", TopLayer: "b2"}, {ID: "mapped", TopLayer: "base", MappedTopLayers: []string{"b"}},
			{ID: "elsewhere", TopLayer: "b", ReadOnly: true}, {ID: "none"},
		},
		Containers: []storage.Container{{ID: "of a", ImageID: "a"}, {ID: "of b2", ImageID: "b2"}, {ID: "of none"}},
	}
	broken, worse := errors.New("broken"), errors.New("worse")
	report := storage.CheckReport{
		Layers: map[string][]error{"b2": {worse}}, Images: map[string][]error{"b2": {worse}}, ROImages: map[string][]error{}, Containers: map[string][]error{},
	}
	spread(&report, all, map[string][]error{"b": {broken}})
	assert.Equal(t, map[string][]error{"b": {broken}, "b2": {worse}}, report.Layers)
	assert.Equal(t, map[string][]error{"b2": {worse, broken}, "mapped": {broken}}, report.Images)
	assert.Equal(t, map[string][]error{"elsewhere": {broken}}, report.ROImages)
	assert.Equal(t, map[string][]error{"of b2": {broken}}, report.Containers)
}
