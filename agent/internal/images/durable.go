package images

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/opencontainers/go-digest"
	"go.podman.io/storage"
	"golang.org/x/sys/unix"
)

// durable is a store whose images survive a crash of the machine. What an image is made of is on the disk before its record
// is, and the record is when the call returns, as are the names. Containers are not held up: it is images alone that are
// kept for later. It stands before every writer of images, the upstream libraries too.
type durable struct {
	storage.Store
	graph string
}

// CreateImage writes the layers to the disk, then the record.
func (d *durable) CreateImage(id string, names []string, layer, metadata string, options *storage.ImageOptions) (*storage.Image, error) {
	if err := d.syncLayers(layer); err != nil {
		return nil, err
	}
	img, err := d.Store.CreateImage(id, names, layer, metadata, options)
	if err != nil {
		return img, err
	}
	if err := fsync(filepath.Join(d.records(), img.ID)); err != nil {
		return nil, err
	}
	return img, fsync(d.records())
}

// records is the directory of the images' list, and with a directory for each image's configuration and manifest.
func (d *durable) records() string { return filepath.Join(d.graph, "overlay-images") }

// settled puts on the disk what has just been written, if it was.
func (d *durable) settled(err error) error {
	if err != nil {
		return err
	}
	return fsync(d.records())
}

// AddNames is storage.Store's.
func (d *durable) AddNames(id string, names []string) error {
	return d.settled(d.Store.AddNames(id, names))
}

// SetNames is storage.Store's.
func (d *durable) SetNames(id string, names []string) error {
	return d.settled(d.Store.SetNames(id, names)) //nolint:staticcheck // upstream's callers use it
}

// RemoveNames is storage.Store's.
func (d *durable) RemoveNames(id string, names []string) error {
	return d.settled(d.Store.RemoveNames(id, names))
}

// SetImageBigData is storage.Store's.
func (d *durable) SetImageBigData(id, key string, data []byte, digestManifest func([]byte) (digest.Digest, error)) error {
	err := d.Store.SetImageBigData(id, key, data, digestManifest)
	if err == nil {
		err = fsync(filepath.Join(d.records(), id))
	}
	return d.settled(err)
}

// DeleteImage is storage.Store's.
func (d *durable) DeleteImage(id string, commit bool) ([]string, error) {
	layers, err := d.Store.DeleteImage(id, commit)
	if !commit {
		return layers, err
	}
	return layers, d.settled(err)
}

// few is how many files are synced one by one. For more, and where that fails, all that the file system has not yet written
// is: that is less work, but others' too.
const few = 64

// syncLayers puts a layer on the disk, and those below it that no image has: what an image has is there.
func (d *durable) syncLayers(top string) error {
	all, err := d.MultiList(storage.MultiListOptions{Images: true, Layers: true})
	if err != nil {
		return err
	}
	var dirs []string
	for _, id := range fresh(top, &all) {
		dirs = append(dirs, filepath.Join(d.graph, "overlay", id), filepath.Join(d.graph, "overlay-layers", id+".tar-split.gz"))
	}
	return d.sync(dirs)
}

// fresh are a layer and those below it that no image has.
func fresh(top string, all *storage.MultiListResult) (ids []string) {
	parents := make(map[string]string, len(all.Layers))
	for i := range all.Layers {
		parents[all.Layers[i].ID] = all.Layers[i].Parent
	}
	known := map[string]bool{}
	for i := range all.Images {
		for id := all.Images[i].TopLayer; id != "" && !known[id]; id = parents[id] {
			known[id] = true
		}
	}
	for id := top; id != "" && !known[id]; id = parents[id] {
		known[id] = true
		ids = append(ids, id)
	}
	return ids
}

// syncLayer puts a layer on the disk that belongs to a container.
func (d *durable) syncLayer(id string) error {
	return d.sync([]string{filepath.Join(d.graph, "overlay", id)})
}

// sync puts files and directories with all below them on the disk, and what leads to them.
func (d *durable) sync(trees []string) error {
	paths, ok := below(trees, few)
	if !ok {
		return syncfs(d.graph)
	}
	for _, dir := range []string{"overlay", "overlay/l", "overlay-layers"} {
		paths = append(paths, filepath.Join(d.graph, dir))
	}
	for _, p := range paths {
		if err := fsync(p); err != nil {
			return syncfs(d.graph)
		}
	}
	return nil
}

// below lists the files and directories in trees, if they are at most so many.
func below(trees []string, most int) (paths []string, ok bool) {
	for _, tree := range trees {
		err := filepath.WalkDir(tree, func(path string, e fs.DirEntry, err error) error {
			if path == tree && errors.Is(err, fs.ErrNotExist) {
				return nil // a layer of which no notes are kept
			}
			if err == nil && (e.IsDir() || e.Type().IsRegular()) {
				paths = append(paths, path)
			}
			if len(paths) > most {
				return fs.ErrInvalid
			}
			return err
		})
		if err != nil {
			return nil, false
		}
	}
	return paths, true
}

// SyncContainer puts on the disk what the storage driver made for a container.
func (s *Store) SyncContainer(id string) error {
	c, err := s.store.Container(id)
	if err != nil {
		return err
	}
	return s.disk.syncLayer(c.LayerID)
}

// fsync puts a file on the disk, or the names in a directory.
func fsync(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

// syncfs writes all that a file system has not yet written to its disk.
func syncfs(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer f.Close()
	return os.NewSyscallError("syncfs", unix.Syncfs(int(f.Fd())))
}
