package images

import (
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"

	"github.com/caisson-dev/caisson/agent/internal/images/layer"
	"github.com/caisson-dev/caisson/agent/internal/names"
	"github.com/caisson-dev/caisson/agent/internal/wire"
	"github.com/caisson-dev/caisson/internal/answer"
	"github.com/caisson-dev/caisson/internal/api"
)

func (s *Service) routeFS(mux *wire.Mux) {
	mux.Handle(api.FSOpen, s.handleOpenFS)
	mux.Handle(api.FSClose, s.handleCloseFS)
	mux.Handle(api.FSStat, wire.Handle(s.statFS))
	mux.Handle(api.FSReadDir, wire.Handle(s.readDirFS))
	mux.Handle(api.FSReadLink, wire.Handle(s.readLinkFS))
	mux.Handle(api.FSRead, s.dataFS)
}

// handleOpenFS answers with a handle and keeps the file system open until the caller closes it, goes away or gives up.
func (s *Service) handleOpenFS(w http.ResponseWriter, r *http.Request) {
	var in api.Ref
	if err := wire.Decode(r.Body, &in); err != nil {
		wire.Fail(w, err)
		return
	}
	v, err := s.OpenFS(r.Context(), in.Ref)
	if err != nil {
		wire.Fail(w, err)
		return
	}
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails
	handle := hex.EncodeToString(b[:])
	s.views.Store(handle, v)
	defer s.closeFS(handle)
	if err := json.NewEncoder(w).Encode(handle); err != nil || http.NewResponseController(w).Flush() != nil {
		return
	}
	select {
	case <-v.closed:
	case <-r.Context().Done():
	}
}

func (s *Service) handleCloseFS(w http.ResponseWriter, r *http.Request) {
	s.closeFS(r.PathValue("id"))
	answer.JSON(w, wire.None{})
}

// closeFS returns when the mount is gone, whoever is the first to call it.
func (s *Service) closeFS(handle string) {
	if got, ok := s.views.LoadAndDelete(handle); ok {
		got.(*View).Close()
	}
}

// with runs f with the root of an open file system.
func (s *Service) with(r *http.Request, f func(root *os.File) error) error {
	got, ok := s.views.Load(r.PathValue("id"))
	if !ok {
		return errClosed()
	}
	v := got.(*View)
	return v.Use(func(root *os.File) error {
		if err := f(root); err != nil {
			return fmt.Errorf("image %s: %w", names.Short(v.id), err)
		}
		return nil
	})
}

func (s *Service) statFS(r *http.Request, in api.FileRequest) (info api.FileInfo, err error) {
	err = s.with(r, func(root *os.File) error {
		info, err = layer.Stat(root, in.Name, in.Follow)
		return err
	})
	return info, err
}

func (s *Service) readDirFS(r *http.Request, in api.FileRequest) (infos []api.FileInfo, err error) {
	err = s.with(r, func(root *os.File) error {
		infos, err = layer.ReadDir(root, in.Name)
		return err
	})
	return infos, err
}

func (s *Service) readLinkFS(r *http.Request, in api.FileRequest) (target string, err error) {
	err = s.with(r, func(root *os.File) error {
		target, err = layer.ReadLink(root, in.Name)
		return err
	})
	return target, err
}

// dataFS streams a regular file from an offset on.
func (s *Service) dataFS(w http.ResponseWriter, r *http.Request) {
	var in api.FileRequest
	if err := wire.Decode(r.Body, &in); err != nil {
		wire.Fail(w, err)
		return
	}
	limit := int64(-1)
	if in.Length != nil {
		limit = *in.Length
	}
	var file *os.File
	var n int64
	err := s.with(r, func(root *os.File) (err error) {
		file, n, err = layer.Open(root, in.Name, in.Offset, limit)
		return err
	})
	if err != nil {
		wire.Fail(w, err)
		return
	}
	defer file.Close()
	w.Header().Set("Content-Type", "application/octet-stream")
	w.Header().Set("Content-Length", strconv.FormatInt(n, 10))
	_, _ = io.CopyN(w, file, n) // the caller sees that it is short
}
