//go:build linux

package rootfs

import (
	"context"
	"log/slog"
	"net/http"

	"github.com/caisson-dev/caisson/agent/internal/names"
	"github.com/caisson-dev/caisson/container"
	"github.com/caisson-dev/caisson/internal/api"
)

// Access says what of a container's file system a view is of.
type Access struct {
	Mounts       bool // with what is mounted; else the layer alone
	ReadOnlyRoot bool // a root that the container may not write to can be written to, unless it runs
}

// Requests answer what is asked of containers' files. Whoever registers them brings a request to the agent that manages
// the container.
type Requests struct {
	// Open opens a container's file system with its mounts, or without any as the layer is. The container is held until
	// the view is closed.
	Open func(ctx context.Context, id string, access Access) (*View, error)
	// Owner finds the user of CopyOptions.Owner by the container's own /etc/passwd and /etc/group, below rootfs.
	Owner func(rootfs, owner string) (uid, gid int, err error)
	// Exported is told that a container's file system is sent.
	Exported func(id string)
	Rootless bool // devices and some attributes can't be made, and are left out
	Logger   *slog.Logger
}

// Stat describes a file.
func (q *Requests) Stat(r *http.Request, req api.PathRequest[container.CopyFromOptions]) (*container.FileInfo, error) {
	v, err := q.Open(r.Context(), r.PathValue("id"), Access{Mounts: true})
	if err != nil {
		return nil, err
	}
	defer q.close(v)
	return v.stat(req.Path, req.Options.Follow)
}

func (q *Requests) close(v *View) {
	if err := v.Close(); err != nil {
		q.Logger.Warn("end of a copy", "container", names.Short(v.id), "error", err)
	}
}
