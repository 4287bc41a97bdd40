package images

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/opencontainers/go-digest"

	"github.com/caisson-dev/caisson/internal/atomicfile"
)

// Result is what a build remembers by a key: what a step left, or what a layer's files come to. It is good as long as its
// layer is there.
type Result struct {
	Layer   string        `json:"layer,omitempty"` // empty for no files at all
	DiffID  digest.Digest `json:"diffID,omitempty"`
	Empty   bool          `json:"empty,omitempty"` // the step made no layer: Layer is the one before
	Created time.Time     `json:"created,omitzero"`
	Image   string        `json:"image,omitempty"`  // the step's image; it may be gone
	Digest  string        `json:"digest,omitempty"` // of files of Layer
}

// results has a small file for each key: nothing is read but what is asked for.
func (s *Store) results() string { return filepath.Join(s.layout.Cache(), "steps") }

// Result is what was remembered by a key, if it is still good.
func (h *Held) Result(key string) (Result, bool) {
	path := filepath.Join(h.s.results(), key)
	b, err := os.ReadFile(path)
	if err != nil {
		return Result{}, false
	}
	var r Result
	if err := json.Unmarshal(b, &r); err != nil || !h.hasLayer(r.Layer) {
		_ = os.Remove(path) // it is of no use to anybody
		return Result{}, false
	}
	return r, true
}

func (h *Held) hasLayer(id string) bool {
	if id == "" {
		return true
	}
	_, err := h.s.store.Layer(id)
	return err == nil
}

// On says whether a step's result lies on a layer, which is empty for nothing.
func (h *Held) On(r Result, below string) bool {
	if r.Empty {
		return r.Layer == below
	}
	l, err := h.s.store.Layer(r.Layer)
	return err == nil && l.Parent == below
}

// Used notes that a result was taken, for PruneCache.
func (h *Held) Used(key string) {
	now := time.Now()
	_ = os.Chtimes(filepath.Join(h.s.results(), key), now, now) // it may be gone
}

// Remember keeps a result.
func (h *Held) Remember(key string, r Result) error {
	if err := os.MkdirAll(h.s.results(), 0o700); err != nil {
		return err
	}
	b, err := json.Marshal(r)
	if err != nil {
		return err
	}
	return atomicfile.Write(filepath.Join(h.s.results(), key), b, atomicfile.Options{TempDir: h.s.temp.Path})
}

// HasImage says whether an image is there.
func (h *Held) HasImage(id string) bool {
	_, err := h.s.store.Image(id)
	return err == nil
}

// forgetResults removes what is remembered of layers that are gone. The store's exclusive lock is held.
func (s *Store) forgetResults() error {
	list, err := os.ReadDir(s.results())
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	h := &Held{s: s}
	for _, e := range list {
		h.Result(e.Name())
	}
	return nil
}
