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
	// NoPause lets the container run while its files are read. Default: it is paused, if the host can do that.
	NoPause bool `json:"noPause,omitempty"`
}

// Commit makes an image of the files of the container, without those in volumes and other mounts. The image has the
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
