package registry

import (
	"bytes"
	"io"
	"net/http"
	"strconv"
	"strings"

	"cuelabs.dev/go/oci/ociregistry"
	"github.com/caisson-dev/caisson/internal/registrystore"
)

// handleUploads starts an upload, takes a blob in one request, or mounts one from another repository. A mount that
// can't be is an ordinary upload (OCI distribution spec, "Mounting a blob from another repository": 202).
func (s *Server) handleUploads(x *exchange, r *http.Request) error {
	if err := s.checkLength(r); err != nil {
		return err
	}
	if x.route.mount != "" {
		if s.auth.mayMount(x.identity, x.route.from) {
			if _, err := s.store.MountBlob(r.Context(), x.route.from, x.route.repo, x.route.mount); err == nil {
				x.Header().Set("Location", "/v2/"+x.route.repo+"/blobs/"+string(x.route.mount))
				x.Header().Set("Docker-Content-Digest", string(x.route.mount))
				x.WriteHeader(http.StatusCreated)
				return nil
			}
		}
		r.URL.RawQuery = ""
	}
	s.oci.ServeHTTP(x, r)
	return nil
}

// handleUpload continues, ends, cancels or describes an upload. The Content-Range is checked here: ociserver takes a
// missing one for 0 and does not understand one of a single byte.
func (s *Server) handleUpload(x *exchange, r *http.Request) error {
	ctx := r.Context()
	switch r.Method {
	case http.MethodDelete:
		if err := s.store.CancelUpload(ctx, x.route.repo, x.route.upload); err != nil {
			return err
		}
		x.WriteHeader(http.StatusNoContent)
		return nil
	case http.MethodGet:
		ctx = registrystore.WithUploadStatus(ctx)
	default:
		offset, err := contentRange(r)
		if err == nil {
			err = s.checkLength(r)
		}
		if err != nil {
			return err
		}
		r.Header.Del("Content-Range")
		ctx = registrystore.WithUploadOffset(ctx, offset)
	}
	s.oci.ServeHTTP(x, r.WithContext(ctx))
	return nil
}

func (s *Server) checkLength(r *http.Request) error {
	if limit := s.o.Limits.BlobBytes; limit > 0 && r.ContentLength > limit {
		return registrystore.TooLarge("blob", limit)
	}
	return nil
}

// contentRange is where a chunk starts (OCI distribution spec, "Pushing a blob in chunks": START-END, both inclusive), or
// -1, for where the last one ended, when the request does not say.
func contentRange(r *http.Request) (int64, error) {
	s := r.Header.Get("Content-Range")
	if s == "" {
		return -1, nil
	}
	from, to, _ := strings.Cut(strings.TrimPrefix(s, "bytes "), "-")
	to, _, _ = strings.Cut(to, "/")
	start, err1 := strconv.ParseUint(from, 10, 62)
	end, err2 := strconv.ParseUint(to, 10, 62)
	if err1 != nil || err2 != nil || end+1 < start {
		return 0, badRequest(ociregistry.ErrSizeInvalid.Code(), "Content-Range must be START-END, both inclusive")
	}
	// An empty body can't be said in this form, and clients write 0-0 for it.
	if n := int64(end - start + 1); r.ContentLength > 0 && n != r.ContentLength {
		return 0, badRequest(ociregistry.ErrSizeInvalid.Code(), "Content-Range and Content-Length do not agree")
	}
	return int64(start), nil
}

// handleManifestPut reads the manifest within its limit and checks it, then leaves it to ociserver.
func (s *Server) handleManifestPut(x *exchange, r *http.Request) error {
	limit := s.o.Limits.manifestBytes()
	if r.ContentLength > limit {
		return registrystore.TooLarge("manifest", limit)
	}
	data, err := io.ReadAll(io.LimitReader(r.Body, limit+1))
	if err != nil {
		return err
	}
	if int64(len(data)) > limit {
		return registrystore.TooLarge("manifest", limit)
	}
	m, err := registrystore.ParseManifest(r.Header.Get("Content-Type"), data)
	if err != nil {
		return err
	}
	r.Header.Set("Content-Type", m.MediaType)
	if m.Subject != nil { // ociserver sets it for OCI media types only
		x.Header().Set("OCI-Subject", string(m.Subject.Digest))
	}
	r.Body = io.NopCloser(bytes.NewReader(data))
	s.oci.ServeHTTP(x, r)
	return nil
}
