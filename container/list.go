package container

import (
	"context"
	"time"

	"github.com/caisson-dev/caisson/internal/api"
)

// ListOptions choose what List returns. A container must fit every field that is given.
type ListOptions struct {
	// All includes containers that don't run. Statuses and ExitCodes include them too.
	All bool `json:"all,omitempty"`
	// IDs are beginnings of ids, one of which fits.
	IDs []string `json:"ids,omitempty"`
	// Names are parts of names, one of which fits.
	Names []string `json:"names,omitempty"`
	// Labels that the container has all of; an empty value fits any.
	Labels map[string]string `json:"labels,omitempty"`
	// Statuses, one of which it has.
	Statuses []Status `json:"statuses,omitempty"`
	// ExitCodes, one of which its last run ended with.
	ExitCodes []int `json:"exitCodes,omitempty"`
	// Health, one of which its health check has found last.
	Health []HealthStatus `json:"health,omitempty"`
	// Images, one of which it was made of, or of an image built on that. They are named as for Options.Image.
	Images []string `json:"images,omitempty"`
	// Networks, one of which it is on or would join, by name.
	Networks []string `json:"networks,omitempty"`
	// Volumes, one of which it mounts, by the volume's name or by where it is mounted.
	Volumes []string `json:"volumes,omitempty"`
	// Before and Since are containers, by name or id, that were created later and earlier.
	Before string `json:"before,omitempty"`
	Since  string `json:"since,omitempty"`
}

// List describes the store's containers of all processes, newest first.
//
// Errors: ErrNotFound for what Images, Before and Since name; ErrInvalidArgument for Statuses and Health that don't exist.
func (e *Engine) List(ctx context.Context, opts ListOptions) ([]Info, error) {
	var infos []Info
	err := e.c.Do(ctx, api.ContainerList, opts, &infos)
	return infos, err
}

// PruneOptions tune Prune.
type PruneOptions struct {
	// Labels limits to containers that have all of these; an empty value fits any.
	Labels map[string]string `json:"labels,omitempty"`
	// NotLabels spares containers that have all of these.
	NotLabels map[string]string `json:"notLabels,omitempty"`
	// Until spares containers that were created later. Default: none.
	Until time.Time `json:"until,omitzero"`
}

// PruneResult says what went.
type PruneResult struct {
	Deleted []string `json:"deleted,omitempty"` // ids
	Space   int64    `json:"space"`             // bytes freed
}

// Prune removes all containers that don't run, but those that a living process made and did not detach.
func (e *Engine) Prune(ctx context.Context, opts PruneOptions) (PruneResult, error) {
	var res PruneResult
	err := e.c.Do(ctx, api.ContainerPrune, opts, &res)
	return res, err
}
