package images

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/caisson-dev/caisson/agent/internal/images/layer"
)

// sound notes layers that were found whole since the machine was started: a directory for each start, which has a file for
// each layer. What the disk has lost, it lost when the machine went down.
type sound struct {
	dir string // of all starts
	now string // of this one
}

func newSound(dir string) (*sound, error) {
	b, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return nil, err
	}
	return &sound{dir: dir, now: filepath.Join(dir, strings.TrimSpace(string(b)))}, nil
}

// begin says whether this is the first agent of the store since the machine was started, and forgets what was noted before.
func (s *sound) begin() (first bool) {
	if err := os.MkdirAll(s.dir, 0o700); err != nil {
		return true
	}
	if err := os.Mkdir(s.now, 0o700); errors.Is(err, os.ErrExist) {
		return false
	}
	entries, _ := os.ReadDir(s.dir) // what can't be read is not forgotten
	for _, e := range entries {
		if p := filepath.Join(s.dir, e.Name()); p != s.now {
			_ = os.RemoveAll(p) // the next start tries again
		}
	}
	return true
}

func (s *sound) has(layer string) bool {
	_, err := os.Lstat(filepath.Join(s.now, layer))
	return err == nil
}

func (s *sound) add(layer string) {
	if f, err := os.OpenFile(filepath.Join(s.now, layer), os.O_CREATE|os.O_WRONLY, 0o600); err == nil {
		f.Close() // without the note the layer is compared again
	}
}

// Reusable fails with api.ErrCorrupt for a layer of the store whose files are not those of its archive, as they may be after
// the machine went down. It looks at each layer once after a start of the machine. The store's shared lock is held.
func (s *Store) Reusable(ctx context.Context, id string) error {
	if s.sound.has(id) {
		return nil
	}
	l, err := s.store.Layer(id)
	if err != nil {
		return StoreError(id, err)
	}
	differs, err := s.layers.Verify(ctx, l, s.oneID)
	if err != nil {
		return err
	}
	if len(differs) > 0 {
		return layer.Damaged(fmt.Errorf("layer %s: %s", id, differs[0]))
	}
	s.sound.add(id)
	return nil
}
