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

// StoreOptions choose a store. The zero value chooses the default store of the user.
type StoreOptions struct {
	// Root is the directory of images and containers. Default: /var/lib/caisson for root; for others
	// $XDG_DATA_HOME/caisson, or ~/.local/share/caisson if that variable is not set.
	Root string
	// RunRoot is the directory for what a reboot may delete. Default: a directory that depends on the user and Root,
	// below the first of /run, $XDG_RUNTIME_DIR and /dev/shm that is in memory and that the user can write.
	RunRoot string
	// ReadOnly are the directories of further stores, such as /var/lib/containers/storage, which podman, buildah and
	// skopeo of root use. Their images can be listed, run, built on and tagged, but not removed. An image or container
	// that is made of one needs that store: name the same directories whenever this store is opened. For podman and the
	// others to read this store, name Root/storage as an additionalimagestore in their storage.conf. Default: none.
	ReadOnly []string
	// Logger gets messages of the engine. Default: they are discarded.
	Logger *slog.Logger
}

// Store holds images and the containers that are made of them. Several processes may have the same store open at the
// same time. All methods are safe for concurrent use.
type Store struct {
	c    *client.Client
	once func() error
}

// OpenStore opens a store, and makes its directories if they do not exist. The first OpenStore of a process starts the
// agent, which takes about 20 ms. Where the agent of this version was never built, as the README explains, OpenStore
// builds it first: that takes minutes, and no context ends it. Call Close when the store is no longer needed; methods of a
// closed store return ErrAgentGone.
//
// Errors: ErrPermission when this user can't write a directory; ErrInvalidArgument when a directory is not a store, or
// holds something else; ErrUnsupported when the host can't run the engine.
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

// Close closes the store. The last Close of a process kills the process's containers that are not detached, without a
// grace period, removes them, and ends the agent; it waits for that. A second Close of the same Store does nothing.
//
// Errors: those of ending the agent, which match none of the package's.
func (s *Store) Close() error { return s.once() }

// Root returns the directory of the store.
func (s *Store) Root() string { return s.c.Root }

func init() {
	bridge.ClientOf = func(store any) *client.Client { return store.(*Store).c }
}
