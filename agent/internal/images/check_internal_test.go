package images

import (
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"go.podman.io/storage"
)

// TestDropTrials: what a trial of the storage driver left is no damage, and a layer that nobody knows is.
func TestDropTrials(t *testing.T) {
	id := strings.Repeat("0a", 32)
	report := storage.CheckReport{Layers: map[string][]error{
		"volatile-check1234567890": {storage.ErrLayerUnaccounted},
		"opaque-bug-check1":        {storage.ErrLayerUnaccounted},
		"odd":                      {storage.ErrLayerUnaccounted, errors.New("and more")},
		id:                         {storage.ErrLayerUnaccounted},
	}}
	dropTrials(&report)
	assert.Equal(t, []string{id, "odd"}, slices.Sorted(maps.Keys(report.Layers)))
}
