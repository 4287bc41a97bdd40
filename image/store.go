package image

import (
	"log/slog"
	"path/filepath"
	"strings"
	"sync"

	"github.com/caisson-dev/caisson/internal/api"
	"github.com/caisson-dev/caisson/internal/bridge"
	"github.com/caisson-dev/caisson/internal/client"
)

// StoreOptions choose a store. The zero value is the user's default store.
type StoreOptions struct {
	// Root is the directory of images and containers. Default: /var/lib/caisson for root, else
	// $XDG_DATA_HOME/caisson, which is ~/.local/share/caisson where XDG_DATA_HOME is not set.
	Root string
	// RunRoot is the directory of what a reboot may forget. Default: a directory of the user's that follows from
	// Root, on tmpfs (/run, $XDG_RUNTIME_DIR or /dev/shm, the first that is tmpfs).
	RunRoot string
	// ReadOnly are further stores, whose images can be listed, run, built on and named, but not removed, as
	// /var/lib/containers/storage: what podman, buildah and skopeo of root have. This store's own directory for those
	// (additionalimagestores in their storage.conf) is Root/storage. What is made of such an image needs the store that
	// it is in: name the same ones whenever this store is opened.
	ReadOnly []string
	// Logger gets what the engine has to say. Default: nothing is logged.
	Logger *slog.Logger
}

// Store holds images and the containers made of them. Several processes may have one store open at the same time.
// All methods are safe for concurrent use.
type Store struct {
	c    *client.Client
	once func() error
}

// OpenStore opens a store and makes its directories if need be. The first one of a process starts its agent (about
// 20 ms). Close gives it back.
//
// Errors: ErrPermission when a directory can't be written; ErrInvalidArgument for a directory that is no store;
// ErrUnsupported when the host can't run the engine.
func OpenStore(opts StoreOptions) (*Store, error) {
	more := make([]string, len(opts.ReadOnly))
	for i, dir := range opts.ReadOnly {
		var err error
		if more[i], err = filepath.Abs(dir); err != nil || strings.ContainsRune(dir, ',') {
			return nil, api.Errorf(ErrInvalidArgument, "StoreOptions.ReadOnly %q: it must be a directory without a comma in its name", dir)
		}
	}
	c, err := client.Open(client.Options{Root: opts.Root, RunRoot: opts.RunRoot, ReadOnly: more, Logger: opts.Logger})
	if err != nil {
		return nil, err
	}
	return &Store{c: c, once: sync.OnceValue(c.Close)}, nil
}

// Close gives the store back. The last Close of a store in a process stops and removes the process's containers that
// are not detached, and ends its agent.
func (s *Store) Close() error { return s.once() }

// Root is the directory of the store.
func (s *Store) Root() string { return s.c.Root }

func init() {
	bridge.ClientOf = func(store any) *client.Client { return store.(*Store).c }
}
