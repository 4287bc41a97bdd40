package container

import (
	"context"
	"net/http"
)

// ListOptions choose what List returns.
type ListOptions struct {
	// All includes containers that don't run.
	All bool `json:"all,omitempty"`
}

// List describes the store's containers of all processes, newest first.
func (e *Engine) List(ctx context.Context, opts ListOptions) ([]Info, error) {
	var infos []Info
	err := e.c.Do(ctx, http.MethodPost, "/containers/list", opts, &infos)
	return infos, err
}

// PruneOptions tune Prune. There is nothing to tune yet.
type PruneOptions struct{}

// PruneResult says what went.
type PruneResult struct {
	Deleted []string `json:"deleted,omitempty"` // ids
	Space   int64    `json:"space"`             // bytes freed
}

// Prune removes all containers that don't run, but those that a living process made and did not detach.
func (e *Engine) Prune(ctx context.Context, opts PruneOptions) (PruneResult, error) {
	var res PruneResult
	err := e.c.Do(ctx, http.MethodPost, "/containers/prune", opts, &res)
	return res, err
}
