package images

import (
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/caisson-dev/caisson/internal/flock"
)

// young is how old what lies about must be to be taken for a dead process's: a living one may be about to use it.
const young = time.Minute

// scraps are what a process leaves in containers/storage that was killed in the middle: directories in which the driver
// tried out what the kernel can, and files that were about to replace others.
var scraps = []string{
	"overlay/compat[0-9]*", "overlay/opaque-bug-check[0-9]*", "overlay/metacopy-check[0-9]*", "overlay/volatile-check[0-9]*",
	"overlay-layers/.tmp-*", "overlay-images/.tmp-*", "overlay-images/*/.tmp-*", "overlay-containers/.tmp-*", "overlay-containers/*/.tmp-*",
}

// removeScraps removes them, when they are old.
func (s *Store) removeScraps() {
	for _, pattern := range scraps {
		found, _ := filepath.Glob(filepath.Join(s.layout.Graph(), pattern)) // the patterns are good
		for _, p := range found {
			if old(p) {
				_ = os.RemoveAll(p) // a few small files; the next collection tries again
			}
		}
	}
}

func old(path string) bool {
	st, err := os.Lstat(path)
	return err == nil && time.Since(st.ModTime()) > young
}

// PullLock is how the names of pulls' locks begin; each reference that was pulled has one.
const PullLock = "pull-"

// removeLocks removes the locks of pulls that are over.
func (s *Store) removeLocks() {
	entries, err := os.ReadDir(s.layout.Locks())
	if err != nil {
		return // the next one that closes the store tries again
	}
	for _, e := range entries {
		path := filepath.Join(s.layout.Locks(), e.Name())
		if !strings.HasPrefix(e.Name(), PullLock) || !old(path) {
			continue
		}
		if lock, err := flock.Try(path, flock.Exclusive); err == nil && lock != nil {
			if old(path) { // nobody used it meanwhile; whoever has just opened it finds it gone and makes another
				_ = os.Remove(path)
			}
			lock.Unlock()
		}
	}
}
