package container

import (
	"context"

	"github.com/caisson-dev/caisson/image"
	"github.com/caisson-dev/caisson/internal/api"
	"github.com/caisson-dev/caisson/internal/bridge"
	"github.com/caisson-dev/caisson/internal/client"
)

// EngineOptions tune NewEngine. There is nothing to tune yet: the parameter is there so that an option can be added
// without a change to callers.
type EngineOptions struct{}

// Engine makes containers of the images of a store. All methods are safe for concurrent use.
type Engine struct {
	store *image.Store
	c     *client.Client
}

// NewEngine returns an engine on an open store. The engine needs no Close: it works until the store is closed.
//
// Errors: none at present.
func NewEngine(store *image.Store, opts EngineOptions) (*Engine, error) {
	_ = opts // it has no fields yet
	return &Engine{store: store, c: bridge.ClientOf(store)}, nil
}

// Store returns the store that the engine was made with.
func (e *Engine) Store() *image.Store { return e.store }

// Create makes a container and does not start it. The image is pulled if Options.Pull says so. A container that is not
// detached is removed when this process ends, however it ends.
//
// Errors: ErrInvalidArgument when an option is not valid; ErrNameInUse when another container has the name; ErrNotFound
// when there is no such image, network or container that is named; ErrUnsupported when the host does not offer what an
// option asks for; those of image.Store.Pull.
func (e *Engine) Create(ctx context.Context, opts Options) (*Container, error) {
	var ref api.Created
	if opts.ModifySpec != nil {
		var err error
		if ref, err = e.createModified(ctx, opts); err != nil {
			return nil, err
		}
	} else if err := e.c.Do(ctx, api.ContainerCreate, opts, &ref); err != nil {
		return nil, err
	}
	return e.handle(ref), nil
}

// Start creates a container and starts it. The end of ctx ends the creation and the start, but not a container that has started. Like the
// Start of os/exec it does not wait for the end: Container.Wait does.
// If the container can't be started it is removed.
//
// Errors: those of Create and of Container.Start.
func (e *Engine) Start(ctx context.Context, opts Options) (*Container, error) {
	c, err := e.Create(ctx, opts)
	if err != nil {
		return nil, err
	}
	if err := c.Start(ctx); err != nil {
		_ = c.Remove(context.WithoutCancel(ctx), RemoveOptions{Force: true}) // the start's error is the one to tell
		return nil, err
	}
	return c, nil
}

// Get returns a container by its name, its id or a prefix of its id.
//
// Errors: ErrNotFound when there is none; ErrAmbiguous when several ids have the prefix.
func (e *Engine) Get(ctx context.Context, nameOrID string) (*Container, error) {
	var ref api.Created
	if err := e.c.Do(ctx, api.ContainerGet, api.Ref{Ref: nameOrID}, &ref); err != nil {
		return nil, err
	}
	return e.handle(ref), nil
}

func (e *Engine) handle(ref api.Created) *Container {
	return &Container{c: e.c, id: ref.ID, name: ref.Name}
}
