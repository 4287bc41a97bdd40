package images

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/caisson-dev/caisson/agent/internal/names"
	"github.com/caisson-dev/caisson/internal/api"
	"github.com/caisson-dev/caisson/internal/flock"
)

// View is an image's file system that a caller has open. Its mount is in no namespace: it goes with root, however this
// process ends. Every name is looked up from root and can't lead out of it.
type View struct {
	id   string // of the image
	path string // of the lock
	lock *flock.Lock

	mu     sync.RWMutex // of root's descriptor
	root   *os.File     // O_PATH; nil when closed
	closed chan struct{}
}

// openFSLock is what keeps an image while somebody reads it: held shared by readers, tried exclusively by removers.
func (s *Store) openFSLock(id string) string { return filepath.Join(s.layout.Locks(), "fs-"+id) }

// opened says whether a living process has the image's file system open. The store's exclusive lock is held: nobody
// opens it now.
func (s *Store) opened(id string) (bool, error) {
	path := s.openFSLock(id)
	if _, err := os.Lstat(path); errors.Is(err, os.ErrNotExist) {
		return false, nil
	}
	lock, err := flock.Try(path, flock.Exclusive)
	if err != nil || lock == nil {
		return true, err
	}
	defer lock.Unlock()
	return false, os.Remove(path)
}

// busy is opened for those who leave alone what they can't tell of.
func (s *Store) busy(id string) bool {
	open, err := s.opened(id)
	return open || err != nil
}

// OpenFS opens the file system of the image that ref names. The image stays until Close.
func (s *Store) OpenFS(ctx context.Context, ref string) (*View, error) {
	held, err := s.Hold(ctx)
	if err != nil {
		return nil, err
	}
	defer held.Release()
	img, err := s.Find(ctx, ref)
	if err != nil {
		return nil, err
	}
	v := &View{id: img.ID, path: s.openFSLock(img.ID), closed: make(chan struct{})}
	if v.lock, err = flock.Acquire(ctx, v.path, flock.Shared); err != nil {
		return nil, err
	}
	if v.root, err = s.layers.Mount(ctx, img.TopLayer); err != nil {
		v.lock.Unlock()
		return nil, api.Errorf(api.ErrCorrupt, "mount image %s: %w", names.Short(img.ID), err)
	}
	return v, nil
}

// ID is the image's.
func (v *View) ID() string { return v.id }

// Use runs f with the root, which stays open meanwhile.
func (v *View) Use(f func(root *os.File) error) error {
	v.mu.RLock()
	defer v.mu.RUnlock()
	if v.root == nil {
		return errClosed()
	}
	return f(v.root)
}

func errClosed() error { return api.Errorf(api.ErrNotFound, "the file system is closed") }

// Close returns when the mount is gone.
func (v *View) Close() {
	v.mu.Lock()
	v.root.Close()
	v.root = nil
	v.mu.Unlock()
	v.lock.Unlock()
	close(v.closed)
	// The last reader takes the lock's file away.
	if lock, err := flock.Try(v.path, flock.Exclusive); err == nil && lock != nil {
		_ = os.Remove(v.path) // a remover may have been faster
		lock.Unlock()
	}
}

// BuiltOn says whether one of the layers is among those of the image.
func (s *Store) BuiltOn(imageID string, layers []string) bool {
	img, err := s.store.Image(strings.TrimPrefix(imageID, "sha256:"))
	if err != nil {
		return false // just removed
	}
	for id := img.TopLayer; ; {
		if slices.Contains(layers, id) {
			return true // that of an image without layers is empty: it is the base of all
		}
		if id == "" {
			return false
		}
		layer, err := s.store.Layer(id)
		if err != nil {
			return false
		}
		id = layer.Parent
	}
}
