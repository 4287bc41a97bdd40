package container

import (
	"context"

	"github.com/caisson-dev/caisson/image"
	"github.com/caisson-dev/caisson/internal/api"
)

// CommitOptions say what image to make of a container.
type CommitOptions struct {
	// Tags are the names that the image gets. Default: none.
	Tags []string `json:"tags,omitempty"`
	// Author is written NAME <MAIL>. Default: none.
	Author string `json:"author,omitempty"`
	// Message is the comment in the history of the image. Default: none.
	Message string `json:"message,omitempty"`
	// Changes are Dockerfile instructions that change the configuration of the image: CMD, ENTRYPOINT, ENV, EXPOSE,
	// HEALTHCHECK, LABEL, ONBUILD, STOPSIGNAL, USER, VOLUME and WORKDIR. Default: none.
	Changes []string `json:"changes,omitempty"`
	// Volumes adds the files of the volumes that the container may write to, in the place of the volumes: a container of the image
	// has these files, and no volume there. A volume that is empty is left out, and the image keeps what it has. Default: only
	// the container's own files.
	Volumes bool `json:"volumes,omitempty"`
	// NoPause lets the container run while its files are read. Default: it is paused, if the host can do that.
	NoPause bool `json:"noPause,omitempty"`
}

// Commit makes an image of the files of the container, without those in mounts, unless CommitOptions.Volumes adds volumes. The image has the
// configuration of the container: command, environment, user, directory, labels and health check.
//
// Errors: ErrNotFound when the container is not there; ErrInvalidArgument when one of Changes is not valid;
// image.ErrInvalidReference when one of Tags is not valid; image.ErrNoSpace when the disk is full.
func (c *Container) Commit(ctx context.Context, opts CommitOptions) (*image.Image, error) {
	var img image.Image
	if err := c.c.Do(ctx, api.ContainerCommit.Of(c.id), opts, &img); err != nil {
		return nil, err
	}
	return &img, nil
}

// ForkOptions say what a fork is called, and how long it lives. The zero value is right for most programs.
type ForkOptions struct {
	// Name is unique in the store, by the rule of Options.Name. Default: a name is made up.
	Name string `json:"name,omitempty"`
	// Labels are added to those of the original, and replace those of the same name. Default: none.
	Labels map[string]string `json:"labels,omitempty"`
	// Detach lets the fork outlive this process. Default: it does not, whether or not the original is detached.
	Detach bool `json:"detach,omitempty"`
}

// Fork makes a container with the same image and options as this one, and with its files as they are at this moment: those
// that it has changed or added, and those in the volumes that it may write to, named ones too, in the place of which the fork
// has anonymous volumes of its own. The fork is not started, and does not have the processes of the original: a program that
// starts in it finds what it would find after a crash at that moment. Where the file system can share blocks, such as XFS
// and Btrfs, they are shared until one of both changes them; elsewhere they are copied.
//
// A container that runs is frozen meanwhile, and other containers that write to the same volumes are not. What is asked of
// it in that time waits. Memory is not copied: a MountTmpfs begins as at a first start. Directories of the host, images and
// volumes that are mounted read-only are shared with the original. The fork has free addresses, and its ports are published at free ports of
// the host, whatever numbers the original has.
//
// The container may be another process's; the fork is this one's. The end of ctx ends the copy, and leaves nothing.
//
// Errors: ErrNotFound when the container is not there; ErrUnsupported when it runs and this user can't make a cgroup on the
// host, which freezes it (stop it first), and when it has Options.ModifySpec; ErrNotRunning when it is killed meanwhile; image.ErrNoSpace when the disk is full; those of
// Engine.Create for ForkOptions.
func (c *Container) Fork(ctx context.Context, opts ForkOptions) (*Container, error) {
	var ref api.Created
	if err := c.c.Do(ctx, api.ContainerFork.Of(c.id), opts, &ref); err != nil {
		return nil, err
	}
	return &Container{c: c.c, id: ref.ID, name: ref.Name}, nil
}
