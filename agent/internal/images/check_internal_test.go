package images

import (
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"go.podman.io/storage"

	"github.com/caisson-dev/caisson/image"
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

// TestMerge: what is wrong with one container is one problem, and the order is that of CheckResult.
func TestMerge(t *testing.T) {
	t.Parallel()
	got := merge([]image.Problem{
		{Kind: image.ProblemContainer, ID: "c", Details: []string{"its image"}}, {Kind: image.ProblemImage, ID: "i"}, {Kind: image.ProblemLayer, ID: "m"}, {Kind: image.ProblemLayer, ID: "l"},
	}, []image.Problem{
		{Kind: image.ProblemNetwork, ID: "n"}, {Kind: image.ProblemContainer, ID: "c", Names: []string{"web"}, Details: []string{"its record"}}, {Kind: image.ProblemVolume, ID: "c"},
	})
	assert.Equal(t, []image.Problem{
		{Kind: image.ProblemLayer, ID: "l"}, {Kind: image.ProblemLayer, ID: "m"}, {Kind: image.ProblemImage, ID: "i"},
		{Kind: image.ProblemContainer, ID: "c", Names: []string{"web"}, Details: []string{"its image", "its record"}},
		{Kind: image.ProblemVolume, ID: "c"}, {Kind: image.ProblemNetwork, ID: "n"},
	}, got)
}
