package layer

import (
	"context"
	"errors"
	"os"
	"path/filepath"

	"go.podman.io/storage"
	drivers "go.podman.io/storage/drivers"
	"golang.org/x/sys/unix"

	"github.com/caisson-dev/caisson/internal/flock"
)

// Store is the layers of an open store of the overlay driver.
type Store struct {
	Storage   storage.Store
	Graph     string // the root directory of Storage
	MountLock string // a file: where a layer is mounted is the same for all processes
	Empty     string // a directory of this process, which is made when it is the root of an image without layers
}

// Mount mounts a layer and those below it, read-only, and takes the mount out of the namespace again: it lives as long as
// root, which is O_PATH. Without a layer root is an empty directory.
func (s *Store) Mount(ctx context.Context, id string) (root *os.File, err error) {
	const flags = unix.O_PATH | unix.O_DIRECTORY | unix.O_CLOEXEC
	if id == "" {
		if err := os.MkdirAll(s.Empty, 0o700); err != nil {
			return nil, err
		}
		return os.OpenFile(s.Empty, flags, 0)
	}
	// To take a mount away renames its directory.
	lock, err := flock.Acquire(ctx, s.MountLock, flock.Exclusive)
	if err != nil {
		return nil, err
	}
	defer lock.Unlock()
	// Not the store's MountImage: that counts in a file, and does not mount layers of another store.
	driver, err := s.Storage.GraphDriver()
	if err != nil {
		return nil, err
	}
	dir, err := driver.Get(id, drivers.MountOpts{Options: []string{"ro"}})
	if err != nil {
		return nil, err
	}
	root, err = os.OpenFile(dir, flags, 0)
	if perr := driver.Put(id); perr != nil { // detaches it
		err = errors.Join(err, perr)
		if root != nil {
			root.Close()
		}
	}
	return root, err
}

// Apply makes an unpacked layer part of the store.
func (s *Store) Apply(id, parent string, out *drivers.DriverWithDifferOutput) (*storage.Layer, error) {
	l, err := s.Storage.ApplyStagedLayer(storage.ApplyStagedLayerOptions{
		ID: id, ParentLayer: parent, DiffOutput: out, DiffOptions: &drivers.ApplyDiffWithDifferOpts{},
	})
	// The driver leaves the directory that it was unpacked in; if it is not empty its time has not come.
	_ = os.Remove(filepath.Dir(out.Target))
	return l, err
}

// Discard removes an unpacked layer that does not become part of the store. What it leaves the driver removes at its next
// start.
func (s *Store) Discard(out *drivers.DriverWithDifferOutput) error {
	return s.Storage.CleanupStagedLayer(out)
}
