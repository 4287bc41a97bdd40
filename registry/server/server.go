package server

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"time"

	"cuelabs.dev/go/oci/ociregistry"
	"cuelabs.dev/go/oci/ociregistry/ociserver"
	"github.com/caisson-dev/caisson/registry/server/internal/storage"
)

// Server is a registry as an http.Handler, to be served at the root of a host. Serve listens; so does
// httptest.NewServer(server.New(…)), or any http.Server.
type Server struct {
	o      Options
	store  storage.Store
	oci    http.Handler
	auth   *authorizer
	cache  *pullThrough
	log    requestLog
	faults faults
	err    error
}

var _ http.Handler = (*Server)(nil)

// New makes a registry. It returns no error, so that it can stand where an http.Handler is wanted: options that can't be
// used, such as a directory that can't be written, make every request fail with status 500, and Err says why.
func New(o Options) *Server {
	s := &Server{o: o}
	s.log.keep = max(0, cmp.Or(o.KeepRequests, defaultKeepRequests))
	s.err = s.open()
	if s.err != nil && o.Logger != nil {
		o.Logger.Error("registry can't serve", "error", s.err)
	}
	return s
}

// Err says why the server can't serve; nil when it can.
//
// Errors: ErrInvalidArgument for Options.Auth, ErrInvalidReference for Options.Upstream, and those of the file system for
// Options.Dir.
func (s *Server) Err() error { return s.err }

func (s *Server) open() error {
	var err error
	so := storage.Options{MaxBlob: s.o.Limits.BlobBytes, UploadTTL: s.o.Limits.UploadTTL,
		AllowMissing: s.o.Upstream.Registry != "",
	}
	if s.o.Dir == "" {
		s.store = storage.NewMem(so)
	} else if s.store, err = storage.OpenDir(s.o.Dir, so); err != nil {
		return fmt.Errorf("open registry %s: %w", s.o.Dir, err)
	}
	if s.auth, err = newAuthorizer(s.o.Auth); err != nil {
		return err
	}
	if s.cache, err = newPullThrough(s.o.Upstream, s.store, s.o.Logger); err != nil {
		return err
	}
	s.oci = ociserver.New(s.store, &ociserver.Options{
		WriteError: func(w http.ResponseWriter, r *http.Request, err error) { s.writeError(w, r, err) },
	})
	return nil
}

// ServeHTTP implements http.Handler.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	x := s.newExchange(w, r)
	defer x.end()
	r = x.request
	w = x
	x.Header().Set("Docker-Distribution-API-Version", "registry/2.0")
	if s.err != nil {
		s.writeError(w, r, s.err)
		return
	}
	rt, err := parseRoute(r.Method, r.URL)
	x.route = rt
	if err == nil {
		if s.faults.before(x) {
			return
		}
		err = s.handle(x, r)
	}
	if err != nil {
		s.writeError(w, r, err)
	}
}

// handle does what the route asks, after the checks that are the same for all.
func (s *Server) handle(x *exchange, r *http.Request) error {
	if x.route.kind == routeToken {
		return s.handleToken(x, r)
	}
	if err := s.authorize(x, r); err != nil {
		return err
	}
	if x.route.writes() && s.o.ReadOnly {
		return methodNotAllowed("the registry is read-only")
	}
	if s.cache != nil {
		if x.route.writes() {
			return methodNotAllowed("the registry is a cache of another registry: push to that one")
		}
		f, err := s.cache.fill(r.Context(), x.route)
		if err != nil {
			return err
		}
		if f != nil && r.Method == http.MethodGet && r.Header.Get("Range") == "" {
			return s.handleFetch(x, r, f)
		}
		if f != nil {
			if err := f.wait(r.Context()); err != nil {
				return err
			}
		}
	}
	return s.dispatch(x, r)
}

func (s *Server) dispatch(x *exchange, r *http.Request) error {
	switch x.route.kind {
	case routeBlob:
		if r.Method != http.MethodDelete {
			return s.handleBlob(x, r)
		}
	case routeTags:
		return s.handleTags(x, r)
	case routeCatalog:
		return s.handleCatalog(x, r)
	case routeReferrers:
		return s.handleReferrers(x, r)
	case routeUploads:
		return s.handleUploads(x, r)
	case routeUpload:
		return s.handleUpload(x, r)
	case routeManifest:
		if r.Method == http.MethodPut {
			return s.handleManifestPut(x, r)
		}
	}
	s.oci.ServeHTTP(x, r)
	return nil
}

// writeError answers with an error of the OCI distribution spec ("Error Codes"). What went wrong inside the server is
// for its log, not for the client.
func (s *Server) writeError(w http.ResponseWriter, r *http.Request, err error) {
	x, _ := w.(*exchange)
	if x != nil {
		err = x.cause(err)
		x.err = err
		if x.wrote {
			panic(http.ErrAbortHandler) // too late for a status: cut the body short, visibly
		}
	}
	body, status := marshalError(err)
	if status == http.StatusInternalServerError {
		body, _ = ociregistry.MarshalError(errors.New("internal error: see the registry's log"))
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Del("Content-Length")
	w.WriteHeader(status)
	if r.Method != http.MethodHead {
		_, _ = w.Write(body)
	}
}

// since is for durations in logs.
func since(t time.Time) time.Duration { return time.Since(t).Round(time.Microsecond) }
