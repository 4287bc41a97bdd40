package images

import (
	"regexp"
	"slices"
	"sync"

	v1 "github.com/opencontainers/image-spec/specs-go/v1"
	"go.podman.io/storage"
)

// tree is the store's images and layers at one moment. It decides from what it was given alone.
type tree struct {
	images      []storage.Image
	containers  []storage.Container
	layers      map[string]*storage.Layer
	byLayer     map[string][]*storage.Image // by top layer
	above       map[string][]string         // layers by parent
	shownLayers map[string]int              // see shown
	dropped     map[string]bool             // images that were deleted since
	config      func(*storage.Image) (*parsed, error)
}

func (s *Store) tree() (*tree, error) {
	all, err := s.store.MultiList(storage.MultiListOptions{Images: true, Layers: true, Containers: true})
	if err != nil {
		return nil, err
	}
	return newTree(&all, s.config), nil
}

func newTree(all *storage.MultiListResult, config func(*storage.Image) (*parsed, error)) *tree {
	t := &tree{
		images: all.Images, containers: all.Containers, layers: make(map[string]*storage.Layer, len(all.Layers)),
		byLayer: map[string][]*storage.Image{}, above: map[string][]string{}, dropped: map[string]bool{}, config: config,
	}
	for i := range all.Layers {
		l := &all.Layers[i]
		t.layers[l.ID] = l
		t.above[l.Parent] = append(t.above[l.Parent], l.ID)
	}
	for i := range all.Images {
		img := &all.Images[i]
		t.byLayer[img.TopLayer] = append(t.byLayer[img.TopLayer], img)
	}
	return t
}

// size is the size of a layer and all below it.
func (t *tree) size(layer string) int64 {
	var n int64
	for l := t.layers[layer]; l != nil; l = t.layers[l.Parent] {
		n += max(0, l.UncompressedSize)
	}
	return n
}

// users returns the containers that are made of an image.
func (t *tree) users(id string) []storage.Container {
	var out []storage.Container
	for _, c := range t.containers {
		if c.ImageID == id {
			out = append(out, c)
		}
	}
	return out
}

// drop forgets an image.
func (t *tree) drop(img *storage.Image) {
	t.dropped[img.ID] = true
	t.byLayer[img.TopLayer] = slices.DeleteFunc(t.byLayer[img.TopLayer], func(i *storage.Image) bool { return i.ID == img.ID })
}

// parent says whether a build made another image on top of img: one whose history goes on where img's ends.
func (t *tree) parent(img *storage.Image) bool {
	history := t.history(img)
	if history == nil {
		return false
	}
	seen := map[string]bool{}
	var search func(layer string) bool
	search = func(layer string) bool {
		if seen[layer] {
			return false
		}
		seen[layer] = true
		for _, other := range t.byLayer[layer] {
			if other.ID != img.ID && isPrefix(history, t.history(other)) {
				return true
			}
		}
		if layer == "" && img.TopLayer == "" {
			// Without layers nothing ties images together but their history.
			return slices.ContainsFunc(t.above[""], search)
		}
		return slices.ContainsFunc(t.above[layer], search)
	}
	return search(img.TopLayer)
}

// visible says whether an image shows in a list without All.
func (t *tree) visible(img *storage.Image) bool {
	return len(img.Names) > 0 || !step(img) && !t.parent(img)
}

// shown counts, for each layer, the images in a list without All that have it.
func (t *tree) shown() map[string]int {
	if t.shownLayers != nil {
		return t.shownLayers
	}
	t.shownLayers = map[string]int{}
	for i := range t.images {
		if img := &t.images[i]; t.visible(img) {
			for l := t.layers[img.TopLayer]; l != nil; l = t.layers[l.Parent] {
				t.shownLayers[l.ID]++
			}
		}
	}
	return t.shownLayers
}

// shared is the size of an image's layers that another image has, too.
func (t *tree) shared(img *storage.Image) int64 {
	others := 1
	if !t.visible(img) {
		others = 0
	}
	var n int64
	for l := t.layers[img.TopLayer]; l != nil; l = t.layers[l.Parent] {
		if t.shown()[l.ID] > others {
			n += max(0, l.UncompressedSize)
		}
	}
	return n
}

func (t *tree) history(img *storage.Image) []v1.History {
	c, err := t.config(img)
	if err != nil {
		return nil // a broken image is nobody's parent and nobody's child
	}
	return c.raw.History
}

// isPrefix compares by the moment and the instruction: a build copies its base's history unchanged.
func isPrefix(short, long []v1.History) bool {
	if len(short) == 0 || len(short) >= len(long) {
		return false
	}
	for i, h := range short {
		o := long[i]
		if h.CreatedBy != o.CreatedBy || h.EmptyLayer != o.EmptyLayer || h.Comment != o.Comment {
			return false
		}
		if (h.Created == nil) != (o.Created == nil) || h.Created != nil && !h.Created.Equal(*o.Created) {
			return false
		}
	}
	return true
}

// resultKey marks an image without a name that a user asked for, as a step's of a build is not.
const resultKey = "caisson-result"

// step says whether img is an unfinished step of a build: nobody asked for it by itself.
func step(img *storage.Image) bool {
	return len(img.Names) == 0 && !slices.Contains(img.BigDataNames, resultKey) && !named(img.NamesHistory)
}

// stepOf says whether img is a step of a build on the way to what has this history, and nothing else needs it.
func (t *tree) stepOf(img *storage.Image, history []v1.History) bool {
	return !t.dropped[img.ID] && step(img) && isPrefix(t.history(img), history) && !img.ReadOnly && len(t.users(img.ID)) == 0 && !t.parent(img)
}

// named says whether an image had a name that a user gave.
func named(history []string) bool {
	return slices.ContainsFunc(history, func(n string) bool { return !temporaryName().MatchString(n) })
}

// StepTag is what the tags begin with by which registries keep the steps of builds; a key follows.
const StepTag = "caisson-step-"

// temporaryName is a name that a step of a build has while it is fetched from a registry. The other form is of builds by
// buildah, which a store may still have.
var temporaryName = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`:` + StepTag + `[0-9a-f]{64}$|(^|/)[0-9a-f]{64}-tmp(:latest)?$`)
})
