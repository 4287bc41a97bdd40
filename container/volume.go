package container

import (
	"context"
	"time"

	"github.com/caisson-dev/caisson/internal/api"
)

// Volume is a directory that the store keeps for containers. It outlives them.
type Volume struct {
	Name    string            `json:"name"`
	Created time.Time         `json:"created"`
	Labels  map[string]string `json:"labels,omitempty"`
	// Anonymous says that the name was made up. An anonymous volume that was made for a container is removed with it.
	Anonymous bool `json:"anonymous,omitempty"`
	// Path is the directory of the volume on the host. Where the caller is not root, the owners of its files have other
	// numbers on the host than in containers.
	Path string `json:"path"`
	// Containers are the ids of the containers that mount it, whether they run or not.
	Containers []string `json:"containers,omitempty"`
	// Damaged says why the volume's description can't be read: its labels are not known then. Its content is as it was.
	Damaged string `json:"damaged,omitempty"`
}

// VolumeOptions say what volume to make.
type VolumeOptions struct {
	// Name must match [a-zA-Z0-9][a-zA-Z0-9_.-]{1,127}. Default: a name is made up.
	Name   string            `json:"name,omitempty"`
	Labels map[string]string `json:"labels,omitempty"`
}

// CreateVolume makes a volume. If there is one of that name, it is returned as it is, like in Docker. A container that
// mounts a volume makes it too, if it does not exist.
//
// Errors: ErrInvalidArgument when the name or a label is not valid.
func (e *Engine) CreateVolume(ctx context.Context, opts VolumeOptions) (*Volume, error) {
	var v Volume
	if err := e.c.Do(ctx, api.VolumeCreate, opts, &v); err != nil {
		return nil, err
	}
	return &v, nil
}

// Volumes lists the volumes of the store, sorted by name.
//
// Errors: those that every function has.
func (e *Engine) Volumes(ctx context.Context) ([]Volume, error) {
	var out []Volume
	err := e.c.Do(ctx, api.VolumeList, nil, &out)
	return out, err
}

// Volume describes a volume.
//
// Errors: ErrNotFound when there is no volume of that name.
func (e *Engine) Volume(ctx context.Context, name string) (*Volume, error) {
	var v Volume
	if err := e.c.Do(ctx, api.VolumeGet, api.Name{Name: name}, &v); err != nil {
		return nil, err
	}
	return &v, nil
}

// RemoveVolume removes a volume and its files.
//
// Errors: ErrNotFound when there is no volume of that name; ErrInUse when a container mounts it, whether that runs or
// not; the message names the container.
func (e *Engine) RemoveVolume(ctx context.Context, name string) error {
	return e.c.Do(ctx, api.VolumeRemove, api.Name{Name: name}, nil)
}

// PruneVolumesOptions tune PruneVolumes.
type PruneVolumesOptions struct {
	// All removes volumes with a name too. Default: anonymous ones only, like in Docker.
	All bool `json:"all,omitempty"`
	// Labels limits it to volumes that have all of these. An empty value fits any value.
	Labels map[string]string `json:"labels,omitempty"`
}

// PruneVolumes removes volumes that no container mounts. Deleted of the result has their names.
//
// Errors: those that every function has.
func (e *Engine) PruneVolumes(ctx context.Context, opts PruneVolumesOptions) (PruneResult, error) {
	var res PruneResult
	err := e.c.Do(ctx, api.VolumePrune, opts, &res)
	return res, err
}
