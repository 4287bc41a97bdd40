package container

import (
	"context"
	"time"

	"github.com/caisson-dev/caisson/internal/api"
)

// ListOptions choose what List returns. A container is listed if it fits every field that is given. Default: all that
// run.
type ListOptions struct {
	// All lists containers that do not run too. So do Statuses and ExitCodes.
	All bool `json:"all,omitempty"`
	// IDs are prefixes of ids; the container has one of them.
	IDs []string `json:"ids,omitempty"`
	// Names are parts of names; the name of the container has one of them.
	Names []string `json:"names,omitempty"`
	// Labels are labels that the container has, all of them. An empty value fits any value.
	Labels map[string]string `json:"labels,omitempty"`
	// Statuses are statuses; the container has one of them.
	Statuses []Status `json:"statuses,omitempty"`
	// ExitCodes are exit codes; the last run of the container ended with one of them.
	ExitCodes []int `json:"exitCodes,omitempty"`
	// Health are results of health checks; the container has one of them.
	Health []HealthStatus `json:"health,omitempty"`
	// Images are images, named as for Options.Image; the container was made of one of them, or of an image that is built
	// on one.
	Images []string `json:"images,omitempty"`
	// Networks are names of networks; the container is on one of them, or joins it when it starts.
	Networks []string `json:"networks,omitempty"`
	// Volumes are names of volumes, or paths in the container; the container mounts one of them, or something there.
	Volumes []string `json:"volumes,omitempty"`
	// Before and Since are containers, by name or id. The listed ones were created before the one and after the other.
	Before string `json:"before,omitempty"`
	Since  string `json:"since,omitempty"`
}

// List describes containers of the store, of all processes, newest first.
//
// Errors: ErrNotFound for an image or a container that Images, Before or Since names; ErrAmbiguous for a prefix of
// several ids; ErrInvalidArgument for a value of Statuses or Health that does not exist.
func (e *Engine) List(ctx context.Context, opts ListOptions) ([]Info, error) {
	var infos []Info
	err := e.c.Do(ctx, api.ContainerList, opts, &infos)
	return infos, err
}

// PruneOptions choose what Prune removes. Default: all that it may.
type PruneOptions struct {
	// Labels limits it to containers that have all of these. An empty value fits any value.
	Labels map[string]string `json:"labels,omitempty"`
	// NotLabels keeps containers that have all of these. An empty value fits any value.
	NotLabels map[string]string `json:"notLabels,omitempty"`
	// Until keeps containers that were created later. Default: none is kept.
	Until time.Time `json:"until,omitzero"`
}

// PruneResult says what was removed.
type PruneResult struct {
	Deleted []string `json:"deleted,omitempty"` // ids
	Space   int64    `json:"space"`             // bytes freed
}

// Prune removes containers that do not run. It keeps those that are not detached, because they go with the process that
// made them: Remove removes one of those earlier.
//
// To remove all that nothing uses, call Prune, then PruneNetworks, PruneVolumes and image.Store.Prune, because a container
// uses its networks, volumes and image until it is removed.
//
// Errors: those that every function has.
func (e *Engine) Prune(ctx context.Context, opts PruneOptions) (PruneResult, error) {
	var res PruneResult
	err := e.c.Do(ctx, api.ContainerPrune, opts, &res)
	return res, err
}
