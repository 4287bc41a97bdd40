package images

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"sync"

	drivers "go.podman.io/storage/drivers"
	"golang.org/x/sys/unix"

	"github.com/caisson-dev/caisson/agent/internal/wire"
	"github.com/caisson-dev/caisson/internal/api"
	"github.com/caisson-dev/caisson/internal/flock"
)

// view is an image's file system that a caller has open. Its mount is in no namespace: it goes with root, however this
// process ends. Every name is looked up from root and can't lead out of it.
type view struct {
	id   string // of the image
	lock *flock.Lock

	mu     sync.RWMutex // of root's descriptor
	root   *os.File     // O_PATH; nil when closed
	closed chan struct{}
}

// openFSLock is what keeps an image while somebody reads it: held shared by readers, tried exclusively by removers.
func (s *Service) openFSLock(id string) string { return filepath.Join(s.layout.Locks(), "fs-"+id) }

// opened says whether a living process has the image's file system open. The store's exclusive lock is held: nobody
// opens it now.
func (s *Service) opened(id string) (bool, error) {
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
func (s *Service) busy(id string) bool {
	open, err := s.opened(id)
	return open || err != nil
}

// handleOpenFS answers with a handle and keeps the file system open until the caller closes it, goes away or gives up.
func (s *Service) handleOpenFS(w http.ResponseWriter, r *http.Request) {
	var in api.Ref
	if err := wire.Decode(r.Body, &in); err != nil {
		wire.Fail(w, err)
		return
	}
	v, err := s.openFS(r.Context(), in.Ref)
	if err != nil {
		wire.Fail(w, err)
		return
	}
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails
	handle := hex.EncodeToString(b[:])
	s.views.Store(handle, v)
	defer s.closeFS(handle)
	if err := json.NewEncoder(w).Encode(handle); err != nil || http.NewResponseController(w).Flush() != nil {
		return
	}
	select {
	case <-v.closed:
	case <-r.Context().Done():
	}
}

func (s *Service) handleCloseFS(w http.ResponseWriter, r *http.Request) {
	s.closeFS(r.PathValue("id"))
	wire.Reply(w, wire.None{})
}

// closeFS returns when the mount is gone, whoever is the first to call it.
func (s *Service) closeFS(handle string) {
	got, ok := s.views.LoadAndDelete(handle)
	if !ok {
		return
	}
	s.closeView(got.(*view))
}

func (s *Service) closeView(v *view) {
	v.mu.Lock()
	v.root.Close()
	v.root = nil
	v.mu.Unlock()
	v.lock.Unlock()
	close(v.closed)
	// The last reader takes the lock's file away.
	if lock, err := flock.Try(s.openFSLock(v.id), flock.Exclusive); err == nil && lock != nil {
		_ = os.Remove(s.openFSLock(v.id)) // a remover may have been faster
		lock.Unlock()
	}
}

func (s *Service) openFS(ctx context.Context, ref string) (_ *view, err error) {
	ctx, release, err := s.Hold(ctx)
	if err != nil {
		return nil, err
	}
	defer release()
	img, err := s.find(ctx, ref)
	if err != nil {
		return nil, err
	}
	v := &view{id: img.ID, closed: make(chan struct{})}
	if v.lock, err = flock.Acquire(ctx, s.openFSLock(img.ID), flock.Shared); err != nil {
		return nil, err
	}
	if v.root, err = s.mountDetached(ctx, img.TopLayer); err != nil {
		v.lock.Unlock()
		return nil, api.Errorf(api.ErrCorrupt, "mount image %s: %w", short(img.ID), err)
	}
	return v, nil
}

// mountDetached mounts a layer and those below it, read-only, and takes the mount out of the namespace again.
func (s *Service) mountDetached(ctx context.Context, layer string) (root *os.File, err error) {
	const flags = unix.O_PATH | unix.O_DIRECTORY | unix.O_CLOEXEC
	if layer == "" {
		dir := filepath.Join(s.temp.Dir, "empty")
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return nil, err
		}
		return os.OpenFile(dir, flags, 0)
	}
	// Where a layer is mounted is the same for all agents, and taking a mount away renames that directory.
	lock, err := flock.Acquire(ctx, filepath.Join(s.layout.Locks(), "mount"), flock.Exclusive)
	if err != nil {
		return nil, err
	}
	defer lock.Unlock()
	// Not the store's MountImage: that counts in a file, and does not mount layers of another store.
	driver, err := s.store.GraphDriver()
	if err != nil {
		return nil, err
	}
	dir, err := driver.Get(layer, drivers.MountOpts{Options: []string{"ro"}})
	if err != nil {
		return nil, err
	}
	root, err = os.OpenFile(dir, flags, 0)
	if perr := driver.Put(layer); perr != nil { // detaches it
		err = errors.Join(err, perr)
		if root != nil {
			root.Close()
		}
	}
	return root, err
}

// with runs f with the root of an open file system.
func (s *Service) with(r *http.Request, f func(root *os.File) error) error {
	got, ok := s.views.Load(r.PathValue("id"))
	if !ok {
		return api.Errorf(api.ErrNotFound, "the file system is closed")
	}
	v := got.(*view)
	v.mu.RLock()
	defer v.mu.RUnlock()
	if v.root == nil {
		return api.Errorf(api.ErrNotFound, "the file system is closed")
	}
	if err := f(v.root); err != nil {
		return fmt.Errorf("image %s: %w", short(v.id), err)
	}
	return nil
}
