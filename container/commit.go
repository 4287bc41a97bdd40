package container

import (
	"context"

	"github.com/caisson-dev/caisson/image"
	"github.com/caisson-dev/caisson/internal/api"
)

// CommitOptions say what image to make of a container.
type CommitOptions struct {
	// Tags are the image's names. Default: none.
	Tags []string `json:"tags,omitempty"`
	// Author, as NAME <MAIL>.
	Author string `json:"author,omitempty"`
	// Message is the comment of the image's history.
	Message string `json:"message,omitempty"`
	// Changes are instructions of a Dockerfile that change the image's configuration: CMD, ENTRYPOINT, ENV, EXPOSE,
	// HEALTHCHECK, LABEL, ONBUILD, STOPSIGNAL, USER, VOLUME and WORKDIR.
	Changes []string `json:"changes,omitempty"`
	// NoPause lets a running container run while its files are read. Default: it is paused, where the host can.
	NoPause bool `json:"noPause,omitempty"`
}

// Commit makes an image of the container's image and of what differs in the container's own file system, not in its
// volumes. The image's configuration is the container's: command, environment, user, directory, labels, health check.
//
// Errors: ErrNotFound, ErrInvalidArgument (Changes), image.ErrInvalidReference (Tags).
func (c *Container) Commit(ctx context.Context, opts CommitOptions) (*image.Image, error) {
	var img image.Image
	if err := c.c.Do(ctx, api.ContainerCommit.Of(c.id), opts, &img); err != nil {
		return nil, err
	}
	return &img, nil
}
