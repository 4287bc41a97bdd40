package container

import (
	"context"

	"github.com/caisson-dev/caisson/image"
	"github.com/caisson-dev/caisson/internal/api"
	"github.com/caisson-dev/caisson/internal/bridge"
	"github.com/caisson-dev/caisson/internal/client"
)

// EngineOptions tune NewEngine. There is nothing to tune yet.
type EngineOptions struct{}

// Engine makes containers of a store's images. All methods are safe for concurrent use.
type Engine struct {
	store *image.Store
	c     *client.Client
}

// NewEngine returns an engine on a store. It lives as long as the store is open.
func NewEngine(store *image.Store, _ EngineOptions) (*Engine, error) {
	return &Engine{store: store, c: bridge.ClientOf(store)}, nil
}

// Store is the store of the engine's images.
func (e *Engine) Store() *image.Store { return e.store }

// Create makes a container and does not start it. A container that is not detached is removed when this process ends,
// however it ends.
//
// Errors: ErrInvalidArgument, ErrNameInUse, ErrNotFound (image, network), and those of image.Store.Pull.
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

// Start creates a container and starts it: Create and Container.Start. It does not wait for its end. If the start fails the container is removed.
//
// Errors: those of Create and of Start.
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

// Get returns a container by name, id or a prefix of its id.
//
// Errors: ErrNotFound, ErrAmbiguous.
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
