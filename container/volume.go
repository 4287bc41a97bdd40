package container

import (
	"context"
	"time"

	"github.com/caisson-dev/caisson/internal/api"
)

// Volume is a directory that the store keeps for containers, beyond their lives.
type Volume struct {
	Name    string            `json:"name"`
	Created time.Time         `json:"created"`
	Labels  map[string]string `json:"labels,omitempty"`
	// Anonymous: its name was made up. One that was made for a container goes with that.
	Anonymous bool `json:"anonymous,omitempty"`
	// Path is where the store has it. Its owners are the containers' users: other numbers than the caller's, where the
	// caller is not root.
	Path string `json:"path"`
	// Containers are the ids of those that mount it, running or not.
	Containers []string `json:"containers,omitempty"`
}

// VolumeOptions say what volume to make.
type VolumeOptions struct {
	// Name follows [a-zA-Z0-9][a-zA-Z0-9_.-]{1,127}. Default: one is made up.
	Name   string            `json:"name,omitempty"`
	Labels map[string]string `json:"labels,omitempty"`
}

// CreateVolume makes a volume. One that has the name already is returned as it is, as in Docker. Mounting a volume that
// does not exist makes it too.
//
// Errors: ErrInvalidArgument.
func (e *Engine) CreateVolume(ctx context.Context, opts VolumeOptions) (*Volume, error) {
	var v Volume
	if err := e.c.Do(ctx, api.VolumeCreate, opts, &v); err != nil {
		return nil, err
	}
	return &v, nil
}

// Volumes lists the store's volumes, by name.
func (e *Engine) Volumes(ctx context.Context) ([]Volume, error) {
	var out []Volume
	err := e.c.Do(ctx, api.VolumeList, nil, &out)
	return out, err
}

// Volume describes a volume.
//
// Errors: ErrNotFound.
func (e *Engine) Volume(ctx context.Context, name string) (*Volume, error) {
	var v Volume
	if err := e.c.Do(ctx, api.VolumeGet, api.Name{Name: name}, &v); err != nil {
		return nil, err
	}
	return &v, nil
}

// RemoveVolume removes a volume and what is in it.
//
// Errors: ErrNotFound, ErrInUse (the message names a container that mounts it, running or not).
func (e *Engine) RemoveVolume(ctx context.Context, name string) error {
	return e.c.Do(ctx, api.VolumeRemove, api.Name{Name: name}, nil)
}

// PruneVolumesOptions tune PruneVolumes.
type PruneVolumesOptions struct {
	// All removes named volumes too. Default: anonymous ones alone, as in Docker.
	All bool `json:"all,omitempty"`
	// Labels limits to volumes that have these; an empty value fits any.
	Labels map[string]string `json:"labels,omitempty"`
}

// PruneVolumes removes volumes that no container mounts.
func (e *Engine) PruneVolumes(ctx context.Context, opts PruneVolumesOptions) (PruneResult, error) {
	var res PruneResult
	err := e.c.Do(ctx, api.VolumePrune, opts, &res)
	return res, err
}
