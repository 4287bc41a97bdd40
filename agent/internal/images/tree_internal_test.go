package images

import (
	"errors"
	"testing"

	v1 "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/stretchr/testify/assert"
	"go.podman.io/storage"

	"github.com/caisson-dev/caisson/image"
)

// forest is a store with a base, what a build made on it in two steps, an image without a name that a user knows, and one
// that can't be read.
//
//	base (l1) ── step (l2) ── app (l3) ── made of it: a container
//	        └─── result (l4)
//	broken (l5)
func forest() *tree {
	h := func(steps ...string) []v1.History {
		var out []v1.History
		for _, s := range steps {
			out = append(out, v1.History{Created: &early, CreatedBy: s})
		}
		return out
	}
	configs := map[string]*parsed{
		"base":   {raw: v1.Image{History: h("a")}},
		"step":   {raw: v1.Image{History: h("a", "b")}},
		"app":    {raw: v1.Image{History: h("a", "b", "c")}},
		"result": {raw: v1.Image{History: h("a", "d")}},
	}
	configs["result"].raw.Config.Labels = map[string]string{"keep": ""}
	all := &storage.MultiListResult{
		Images: []storage.Image{
			{ID: "base", TopLayer: "l1", Names: []string{"r/base:1"}, Created: early},
			{ID: "step", TopLayer: "l2", Created: early},
			{ID: "app", TopLayer: "l3", Names: []string{"r/app:1"}, Created: early},
			{ID: "result", TopLayer: "l4", BigDataNames: []string{resultKey}, Created: early},
			{ID: "broken", TopLayer: "l5", BigDataNames: []string{resultKey}, Created: early},
		},
		Layers: []storage.Layer{
			{ID: "l1", UncompressedSize: 1}, {ID: "l2", Parent: "l1", UncompressedSize: 10}, {ID: "l3", Parent: "l2", UncompressedSize: 100},
			{ID: "l4", Parent: "l1", UncompressedSize: 1000}, {ID: "l5", UncompressedSize: -1},
		},
		Containers: []storage.Container{{ID: "c", ImageID: "app", LayerID: "cl"}},
	}
	return newTree(all, func(img *storage.Image) (*parsed, error) {
		if c := configs[img.ID]; c != nil {
			return c, nil
		}
		return nil, errors.New("broken")
	})
}

func (t *tree) image(id string) *storage.Image {
	for i := range t.images {
		if t.images[i].ID == id {
			return &t.images[i]
		}
	}
	return nil
}

func TestTree(t *testing.T) {
	for id, want := range map[string]struct {
		size, shared    int64
		parent, visible bool
		step            bool
	}{
		"base":   {size: 1, shared: 1, parent: true, visible: true},
		"step":   {size: 11, shared: 11, parent: true, step: true},
		"app":    {size: 111, shared: 1, visible: true},
		"result": {size: 1001, shared: 1, visible: true},
		"broken": {visible: true},
	} {
		tr := forest()
		img := tr.image(id)
		assert.Equal(t, want.size, tr.size(img.TopLayer), id)
		assert.Equal(t, want.shared, tr.shared(img), id)
		assert.Equal(t, want.parent, tr.parent(img), id)
		assert.Equal(t, want.visible, tr.visible(img), id)
		assert.Equal(t, want.step, step(img), id)
	}
}

func TestTreeDrop(t *testing.T) {
	tr := forest()
	tr.drop(tr.image("app"))
	assert.False(t, tr.parent(tr.image("step")), "what was made on it is gone")
	assert.True(t, tr.parent(tr.image("base")), "the step is still there")
}

func TestPrunable(t *testing.T) {
	filter := image.PruneOptions{All: true}
	filter.Labels = map[string]string{"keep": ""}
	free := func(tr *tree) { tr.containers = nil }
	for name, c := range map[string]struct {
		opts image.PruneOptions
		prep func(*tree)
		want []string
	}{
		"without names":             {image.PruneOptions{}, nil, []string{"result", "broken"}},
		"all that nobody uses":      {image.PruneOptions{All: true}, nil, []string{"base", "step", "result", "broken"}},
		"all, without containers":   {image.PruneOptions{All: true}, free, []string{"base", "step", "app", "result", "broken"}},
		"by label":                  {filter, nil, []string{"result"}},
		"by time, nothing is older": {image.PruneOptions{All: true, Filter: image.Filter{Until: early}}, nil, nil},
		"a step whose result is gone": {image.PruneOptions{}, func(tr *tree) {
			free(tr)
			tr.drop(tr.image("app"))
		}, []string{"step", "result", "broken"}},
		"read-only": {image.PruneOptions{}, func(tr *tree) { tr.image("result").ReadOnly = true }, []string{"broken"}},
	} {
		tr := forest()
		if c.prep != nil {
			c.prep(tr)
		}
		var got []string
		for i := range tr.images {
			if tr.prunable(&tr.images[i], c.opts) {
				got = append(got, tr.images[i].ID)
			}
		}
		assert.Equal(t, c.want, got, name)
	}
}

// With the image go the steps that led to it alone, from the last to the first.
func TestStepOf(t *testing.T) {
	tr := forest()
	app := tr.image("app")
	history := tr.history(app)
	assert.False(t, tr.stepOf(tr.image("step"), history), "the image is made of it")
	tr.drop(app)
	assert.True(t, tr.stepOf(tr.image("step"), history))
	assert.False(t, tr.stepOf(tr.image("base"), history), "it has a name")
	assert.False(t, tr.stepOf(tr.image("result"), history), "it has another history")
	tr.containers = []storage.Container{{ImageID: "step"}}
	assert.False(t, tr.stepOf(tr.image("step"), history), "a container is made of it")
}

func TestIsPrefix(t *testing.T) {
	a, b := v1.History{CreatedBy: "a", Created: &early}, v1.History{CreatedBy: "b", Created: &early}
	other := a
	other.Created = &late
	undated := a
	undated.Created = nil
	for name, c := range map[string]struct {
		short, long []v1.History
		want        bool
	}{
		"nothing":      {nil, []v1.History{a}, false},
		"the same":     {[]v1.History{a}, []v1.History{a}, false},
		"shorter":      {[]v1.History{a}, []v1.History{a, b}, true},
		"longer":       {[]v1.History{a, b}, []v1.History{a}, false},
		"another":      {[]v1.History{b}, []v1.History{a, b}, false},
		"another time": {[]v1.History{other}, []v1.History{a, b}, false},
		"without time": {[]v1.History{undated}, []v1.History{a, b}, false},
	} {
		assert.Equal(t, c.want, isPrefix(c.short, c.long), name)
	}
}

func TestStep(t *testing.T) {
	hex := "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
	for name, c := range map[string]struct {
		img  storage.Image
		want bool
	}{
		"never had a name":   {storage.Image{}, true},
		"has one":            {storage.Image{Names: []string{"r/a:1"}}, false},
		"had one":            {storage.Image{NamesHistory: []string{"r/a:1"}}, false},
		"buildah's own name": {storage.Image{NamesHistory: []string{"localhost/" + hex + "-tmp:latest"}}, true},
		"a user asked":       {storage.Image{BigDataNames: []string{resultKey}}, false},
	} {
		assert.Equal(t, c.want, step(&c.img), name)
	}
}
