//go:build linux

package containers

import (
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"path"
	"time"

	"golang.org/x/sys/unix"

	"github.com/caisson-dev/caisson/agent/internal/images"
	"github.com/caisson-dev/caisson/agent/internal/names"
	"github.com/caisson-dev/caisson/agent/internal/pack"
	"github.com/caisson-dev/caisson/agent/internal/wire"
	"github.com/caisson-dev/caisson/container"
	"github.com/caisson-dev/caisson/internal/api"
)

func (s *Service) statPath(r *http.Request, req api.PathRequest[container.CopyFromOptions]) (*container.FileInfo, error) {
	v, err := s.view(r.Context(), r.PathValue("id"), true)
	if err != nil {
		return nil, err
	}
	info, err := v.stat(req)
	if cerr := v.close(); cerr != nil {
		s.Logger.Warn("end of a copy", "error", cerr)
	}
	return info, err
}

func (v *view) stat(req api.PathRequest[container.CopyFromOptions]) (*container.FileInfo, error) {
	h, err := v.open(req.Path, req.Options.Follow)
	if err != nil {
		return nil, err
	}
	defer h.Close()
	return fileInfo(h, req.Path)
}

func (s *Service) copyFrom(w http.ResponseWriter, r *http.Request) {
	var req api.PathRequest[container.CopyFromOptions]
	if err := wire.Decode(r.Body, &req); err != nil {
		wire.Fail(w, err)
		return
	}
	v, err := s.view(r.Context(), r.PathValue("id"), true)
	if err != nil {
		wire.Fail(w, err)
		return
	}
	defer s.closeView(v)
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
	if name == "/" {
		name = "."
	}
	s.sendTar(w, info, func(p *pack.Packer) error { return v.explain(req.Path, p.Add(h, name)) })
}

func (s *Service) closeView(v *view) {
	if err := v.close(); err != nil {
		s.Logger.Warn("end of a copy", "container", v.rec.ID, "error", err)
	}
}

// sendTar answers with frames: what it is, if that is not nil, the tar stream, and how it ended.
func (s *Service) sendTar(w http.ResponseWriter, info any, write func(*pack.Packer) error) {
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

func (s *Service) copyTo(w http.ResponseWriter, r *http.Request) {
	var req api.PathRequest[container.CopyOptions]
	if err := wire.Decode(r.Body, &req); err != nil {
		wire.Fail(w, err)
		return
	}
	v, err := s.view(r.Context(), r.PathValue("id"), true)
	if err != nil {
		wire.Fail(w, err)
		return
	}
	defer s.closeView(v)
	u, err := s.unpacker(v, req)
	if err != nil {
		wire.Fail(w, err)
		return
	}
	conn, br, err := hijack(w)
	if err != nil {
		wire.Fail(w, err)
		return
	}
	defer conn.Close()
	fr := api.NewFrameReader(br)
	err = u.unpack(&inputReader{fr: fr})
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
func (s *Service) unpacker(v *view, req api.PathRequest[container.CopyOptions]) (*unpacker, error) {
	dir := path.Clean("/" + req.Path)
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
		return nil, invalid("copy to container %s: %s is no directory", names.Short(v.rec.ID), dir)
	}
	u := &unpacker{v: v, dir: dir, owner: owner{keep: req.Options.KeepOwner, rootless: s.Host.Rootless}}
	switch {
	case req.Options.Owner != "" && req.Options.KeepOwner:
		return nil, invalid("copy to container %s: CopyOptions.Owner and KeepOwner are both set: set one", names.Short(v.rec.ID))
	case req.Options.Owner != "":
		who, _, err := resolveUser(v.rootfs, req.Options.Owner)
		if err != nil {
			return nil, err
		}
		u.owner.uid, u.owner.gid = int(who.UID), int(who.GID)
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

// export sends the container's own file system, without what is mounted in it.
func (s *Service) export(w http.ResponseWriter, r *http.Request) {
	v, err := s.view(r.Context(), r.PathValue("id"), false)
	if err != nil {
		wire.Fail(w, err)
		return
	}
	defer s.closeView(v)
	s.emit(container.EventExport, v.rec)
	s.sendTar(w, nil, func(p *pack.Packer) error { return p.Content(v.root) })
}

// fileInfo describes a file for the caller.
func fileInfo(h *os.File, name string) (*container.FileInfo, error) {
	st, err := pack.Fstat(h)
	if err != nil {
		return nil, err
	}
	info := &container.FileInfo{
		Name: path.Base(path.Clean("/" + name)), Size: st.Size, Mode: images.FileMode(st.Mode), ModTime: time.Unix(st.Mtim.Unix()),
		UID: int(st.Uid), GID: int(st.Gid),
	}
	if st.Mode&unix.S_IFMT == unix.S_IFLNK {
		if info.LinkTarget, err = pack.Readlink(h); err != nil {
			return nil, err
		}
	}
	return info, nil
}
