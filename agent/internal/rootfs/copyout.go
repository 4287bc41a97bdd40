//go:build linux

package rootfs

import (
	"net/http"
	"strings"

	"github.com/caisson-dev/caisson/agent/internal/pack"
	"github.com/caisson-dev/caisson/agent/internal/wire"
	"github.com/caisson-dev/caisson/container"
	"github.com/caisson-dev/caisson/internal/api"
)

// CopyFrom sends a file or tree as a tar stream.
func (q *Requests) CopyFrom(w http.ResponseWriter, r *http.Request) {
	var req api.PathRequest[container.CopyFromOptions]
	if err := wire.Decode(r.Body, &req); err != nil {
		wire.Fail(w, err)
		return
	}
	v, err := q.Open(r.Context(), r.PathValue("id"), Access{Mounts: true})
	if err != nil {
		wire.Fail(w, err)
		return
	}
	defer q.close(v)
	h, err := v.open(req.Path, req.Options.Follow)
	if err != nil {
		wire.Fail(w, err)
		return
	}
	defer h.Close()
	info, err := fileInfo(h, req.Path)
	if err != nil {
		wire.Fail(w, v.explain(req.Path, err))
		return
	}
	name := info.Name
	if name == "/" || strings.HasSuffix(req.Path, "/.") {
		name = "."
	}
	sendTar(w, info, func(p *pack.Packer) error { return v.explain(req.Path, p.Add(h, name)) })
}

// Export sends the container's own file system, without what is mounted in it.
func (q *Requests) Export(w http.ResponseWriter, r *http.Request) {
	v, err := q.Open(r.Context(), r.PathValue("id"), Access{})
	if err != nil {
		wire.Fail(w, err)
		return
	}
	defer q.close(v)
	q.Exported(v.id)
	sendTar(w, nil, func(p *pack.Packer) error { return p.Content(v.root) })
}

// sendTar answers with frames: what it is, if that is not nil, the tar stream, and how it ended.
func sendTar(w http.ResponseWriter, info any, write func(*pack.Packer) error) {
	fw := api.NewFrameWriter(w)
	if info != nil {
		if err := fw.JSON(api.Started, info); err != nil {
			return // the caller is gone
		}
	}
	// The caller is gone when these fail.
	if err := pack.Write(fw.Stream(api.Stdout), write); err != nil {
		_ = fw.JSON(api.Failure, api.ToError(err))
		return
	}
	_ = fw.JSON(api.Exit, wire.None{})
}
