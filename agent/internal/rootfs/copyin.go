//go:build linux

package rootfs

import (
	"errors"
	"io"
	"net"
	"net/http"
	"path"
	"time"

	"golang.org/x/sys/unix"

	"github.com/caisson-dev/caisson/agent/internal/names"
	"github.com/caisson-dev/caisson/agent/internal/pack"
	"github.com/caisson-dev/caisson/agent/internal/wire"
	"github.com/caisson-dev/caisson/container"
	"github.com/caisson-dev/caisson/internal/answer"
	"github.com/caisson-dev/caisson/internal/api"
)

// CopyTo unpacks a tar stream into a directory.
func (q *Requests) CopyTo(w http.ResponseWriter, r *http.Request) {
	var req api.PathRequest[container.CopyOptions]
	if err := wire.Decode(r.Body, &req); err != nil {
		wire.Fail(w, err)
		return
	}
	v, err := q.Open(r.Context(), r.PathValue("id"), Access{Mounts: true, ReadOnlyRoot: req.Options.ReadOnlyRoot})
	if err != nil {
		wire.Fail(w, err)
		return
	}
	defer q.close(v)
	u, err := q.unpacker(v, req.Path, req.Options)
	if err != nil {
		wire.Fail(w, err)
		return
	}
	conn, br, err := answer.Upgrade(w)
	if err != nil {
		wire.Fail(w, err)
		return
	}
	defer conn.Close()
	err = u.unpack(&inputReader{fr: api.NewFrameReader(br)})
	fw := api.NewFrameWriter(conn)
	// The caller is gone when these fail.
	if err == nil {
		_ = fw.JSON(api.Exit, wire.None{})
		return
	}
	_ = fw.JSON(api.Failure, api.ToError(err))
	linger(conn)
}

// linger reads until the other side has closed the connection: closed with data unread, it would lose the answer.
func linger(conn net.Conn) {
	_ = conn.SetReadDeadline(time.Now().Add(5 * time.Second))
	_, _ = io.Copy(io.Discard, conn)
}

// unpacker looks at where the copy goes, and whose it will be.
func (q *Requests) unpacker(v *View, dir string, opts container.CopyOptions) (*unpacker, error) {
	dir = path.Clean("/" + dir)
	h, err := v.open(dir, true)
	if err != nil {
		return nil, err
	}
	defer h.Close()
	st, err := pack.Fstat(h)
	if err != nil {
		return nil, err
	}
	if st.Mode&unix.S_IFMT != unix.S_IFDIR {
		return nil, api.Errorf(api.ErrInvalidArgument, "copy to container %s: %s is not a directory", names.Short(v.id), dir)
	}
	u := &unpacker{v: v, dir: dir, owner: owner{keep: opts.KeepOwner, rootless: q.Rootless}}
	switch {
	case opts.Owner != "" && opts.KeepOwner:
		return nil, api.Errorf(api.ErrInvalidArgument, "copy to container %s: CopyOptions.Owner and KeepOwner are both set: set one", names.Short(v.id))
	case opts.Owner != "":
		if u.owner.uid, u.owner.gid, err = q.Owner(v.path, opts.Owner); err != nil {
			return nil, err
		}
	}
	return u, nil
}

// inputReader is the data that the caller sends in frames, up to the one that ends it.
type inputReader struct {
	fr   *api.FrameReader
	rest []byte
	done bool
}

func (r *inputReader) Read(p []byte) (int, error) {
	for len(r.rest) == 0 {
		if r.done {
			return 0, io.EOF
		}
		kind, data, err := r.fr.Next()
		switch {
		case errors.Is(err, io.EOF):
			return 0, io.ErrUnexpectedEOF // the caller gave up, or died
		case err != nil:
			return 0, err
		case kind == api.Stdin:
			r.rest = data
		case kind == api.CloseInput:
			r.done = true
		}
	}
	n := copy(p, r.rest)
	r.rest = r.rest[n:]
	return n, nil
}
