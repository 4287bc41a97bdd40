package image

import (
	"context"
	"log/slog"
	"path/filepath"
	"strings"
	"sync"

	"github.com/caisson-dev/caisson/internal/agentbin"
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
	// AgentSources are the ways by which the agent's binary may be got where it is not linked in, named by the variable
	// CAISSON_AGENT or in the user's cache directory. They are tried in the order of the constants. Default: those that
	// the variable CAISSON_AGENT_SOURCE names, a list separated by commas, or none of them for the value none; all if it is
	// not set.
	AgentSources []AgentSource
	// Logger gets messages of the engine. Default: they are discarded.
	Logger *slog.Logger
}

// AgentSource is a way to get the agent's binary.
type AgentSource string

const (
	AgentFromPath     AgentSource = agentbin.FromPath     // caisson-agent of the same version on PATH
	AgentFromDownload AgentSource = agentbin.FromDownload // the static binary of a release, by the Go module proxy; its sum is in this module
	AgentFromBuild    AgentSource = agentbin.FromBuild    // compiled by the Go toolchain and a C compiler
)

// Store holds images and the containers that are made of them. Several processes may have the same store open at the
// same time. All methods are safe for concurrent use.
type Store struct {
	c    *client.Client
	once func() error
}

// OpenStore opens a store, and makes its directories if they do not exist. The first OpenStore of a process starts the
// agent, which takes about 20 ms. Where this user has no agent of this version yet, as the README explains, OpenStore
// gets one first: a download takes seconds, and a build takes minutes. Call Close when the store is no longer needed;
// methods of a closed store return ErrAgentGone, also while another Store of the same directory is open.
//
// Errors: ErrPermission when this user can't write a directory; ErrInvalidArgument when a directory is not a store, or
// holds something else; ErrUnsupported when the host can't run the engine.
func OpenStore(opts StoreOptions) (*Store, error) {
	return OpenStoreContext(context.Background(), opts)
}

// OpenStoreContext is OpenStore with a context. The end of ctx ends the call at once, also while the agent is downloaded,
// built or started. After the call ctx has no effect on the store.
//
// Errors: those of OpenStore; an error that matches the one of ctx.
func OpenStoreContext(ctx context.Context, opts StoreOptions) (*Store, error) {
	more := make([]string, len(opts.ReadOnly))
	for i, dir := range opts.ReadOnly {
		var err error
		if more[i], err = filepath.Abs(dir); err != nil || strings.ContainsRune(dir, ',') {
			return nil, api.Errorf(ErrInvalidArgument, "StoreOptions.ReadOnly %q: it must be a directory without a comma in its name", dir)
		}
	}
	from := make([]string, len(opts.AgentSources))
	for i, s := range opts.AgentSources {
		from[i] = string(s)
	}
	c, err := client.Open(ctx, client.Options{Root: opts.Root, RunRoot: opts.RunRoot, ReadOnly: more, AgentSources: from, Logger: opts.Logger})
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
