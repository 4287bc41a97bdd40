package server

import (
	"io"
	"net/http"
	"strconv"
	"strings"

	"cuelabs.dev/go/oci/ociregistry"
	"github.com/caisson-dev/caisson/internal/manifest"
	"github.com/caisson-dev/caisson/registry/server/internal/storage"
)

// handleUploads starts an upload, takes a blob in one request, or mounts one from another repository. A mount that
// can't be is an ordinary upload (OCI distribution spec, "Mounting a blob from another repository": 202).
func (s *Server) handleUploads(x *exchange, r *http.Request) error {
	if err := s.checkLength(r); err != nil {
		return err
	}
	if x.route.mount != "" {
		if s.mount(x, r) {
			x.Header().Set("Location", "/v2/"+x.route.repo+"/blobs/"+string(x.route.mount))
			x.Header().Set("Docker-Content-Digest", string(x.route.mount))
			x.WriteHeader(http.StatusCreated)
			return nil
		}
		r.URL.RawQuery = ""
	}
	s.oci.ServeHTTP(x, r)
	return nil
}

// mount takes a blob from the repository that the client names, or from any that it may pull.
func (s *Server) mount(x *exchange, r *http.Request) bool {
	if x.route.from != "" {
		return s.mountFrom(x, r, x.route.from)
	}
	for repo, err := range s.store.Repositories(r.Context(), "") {
		if err == nil && s.mountFrom(x, r, repo) {
			return true
		}
	}
	return false
}

func (s *Server) mountFrom(x *exchange, r *http.Request, from string) bool {
	if !s.auth.mayMount(x.identity, from) {
		return false
	}
	_, err := s.store.MountBlob(r.Context(), from, x.route.repo, x.route.mount)
	return err == nil
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
		ctx = storage.WithUploadStatus(ctx)
	default:
		offset, err := contentRange(r)
		if err == nil {
			err = s.checkLength(r)
		}
		if err != nil {
			return err
		}
		r.Header.Del("Content-Range")
		ctx = storage.WithUploadOffset(ctx, offset)
	}
	s.oci.ServeHTTP(x, r.WithContext(ctx))
	return nil
}

func (s *Server) checkLength(r *http.Request) error {
	if limit := s.o.Limits.BlobBytes; limit > 0 && r.ContentLength > limit {
		return storage.TooLarge("blob", limit)
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

// maxTags is how many tags one request may set.
const maxTags = 100

// handleManifestPut takes a manifest by tag or by digest, of any algorithm; ociserver knows sha256 alone. With a digest,
// tags may stand in the query (OCI distribution spec, "Pushing manifests with tags", after version 1.1).
func (s *Server) handleManifestPut(x *exchange, r *http.Request) error {
	limit := s.o.Limits.manifestBytes()
	if r.ContentLength > limit {
		return storage.TooLarge("manifest", limit)
	}
	data, err := io.ReadAll(io.LimitReader(r.Body, limit+1))
	if err != nil {
		return err
	}
	if int64(len(data)) > limit {
		return storage.TooLarge("manifest", limit)
	}
	p := storage.ManifestPut{Data: data, MediaType: r.Header.Get("Content-Type"), Digest: x.route.digest}
	if x.route.tag != "" {
		p.Tags = []string{x.route.tag}
	} else if p.Tags = x.route.query["tag"]; len(p.Tags) > maxTags {
		return badRequest("UNSUPPORTED", "more than 100 tags")
	}
	m, err := manifest.Parse(p.MediaType, data)
	if err != nil {
		return err
	}
	desc, err := s.store.PutManifest(r.Context(), x.route.repo, p)
	if err != nil {
		return err
	}
	h := x.Header()
	h.Set("Location", "/v2/"+x.route.repo+"/manifests/"+string(desc.Digest))
	h.Set("Docker-Content-Digest", string(desc.Digest))
	if m.Subject != nil {
		h.Set("OCI-Subject", string(m.Subject.Digest))
	}
	if x.route.tag == "" {
		for _, tag := range p.Tags {
			h.Add("OCI-Tag", tag)
		}
	}
	x.WriteHeader(http.StatusCreated)
	return nil
}
