package server

import (
	"encoding/base64"
	"net/http"
	"net/url"
	"strings"

	"cuelabs.dev/go/oci/ociregistry"
	"cuelabs.dev/go/oci/ociregistry/ociref"
	"github.com/caisson-dev/caisson/registry/server/internal/storage"
)

type routeKind int

const (
	routePing routeKind = iota
	routeToken
	routeCatalog
	routeTags
	routeReferrers
	routeBlob
	routeManifest
	routeUploads // POST …/blobs/uploads/
	routeUpload  // …/blobs/uploads/ID
)

// route is a request of the OCI distribution spec ("Endpoints"), checked against its grammar.
type route struct {
	kind   routeKind
	method string
	repo   string
	digest ociregistry.Digest
	tag    string
	upload string
	query  url.Values

	// mount and from are those of a cross-repository mount; from may be empty.
	mount ociregistry.Digest
	from  string
}

// reference is the tag or the digest.
func (r route) reference() string {
	if r.tag != "" {
		return r.tag
	}
	return string(r.digest)
}

// writes says whether the request changes the registry.
func (r route) writes() bool {
	return r.kind != routeToken && r.method != http.MethodGet && r.method != http.MethodHead
}

var methods = map[routeKind][]string{
	routePing:      {"GET", "HEAD"},
	routeToken:     {"GET", "POST"},
	routeCatalog:   {"GET", "HEAD"},
	routeTags:      {"GET", "HEAD"},
	routeReferrers: {"GET", "HEAD"},
	routeBlob:      {"GET", "HEAD", "DELETE"},
	routeManifest:  {"GET", "HEAD", "PUT", "DELETE"},
	routeUploads:   {"POST"},
	routeUpload:    {"GET", "PATCH", "PUT", "DELETE"},
}

func parseRoute(method string, u *url.URL) (route, error) {
	r := route{method: method}
	var err error
	if r.query, err = url.ParseQuery(u.RawQuery); err != nil {
		return r, badRequest("UNSUPPORTED", "the query can't be parsed")
	}
	if err := r.parsePath(u.Path); err != nil {
		return r, err
	}
	for _, m := range methods[r.kind] {
		if m == method {
			return r, r.parseMount()
		}
	}
	return r, methodNotAllowed(method + " is not a method of this endpoint")
}

func (r *route) parsePath(path string) error {
	switch path {
	case "/v2", "/v2/":
		r.kind = routePing
		return nil
	case tokenPath:
		r.kind = routeToken
		return nil
	case "/v2/_catalog":
		r.kind = routeCatalog
		return nil
	}
	path, ok := strings.CutPrefix(path, "/v2/")
	if !ok {
		return pageNotFound()
	}
	if repo, ok := strings.CutSuffix(strings.TrimSuffix(path, "/"), "/blobs/uploads"); ok {
		r.kind = routeUploads
		return r.setRepo(repo)
	}
	path, last, _ := cutLast(path)
	repo, kind, _ := cutLast(path)
	switch kind {
	case "blobs":
		r.kind, r.digest = routeBlob, ociregistry.Digest(last)
	case "referrers":
		r.kind, r.digest = routeReferrers, ociregistry.Digest(last)
	case "manifests":
		r.kind = routeManifest
		if strings.Contains(last, ":") {
			r.digest = ociregistry.Digest(last)
		} else if r.tag = last; last == "" || !ociref.IsValidTag(last) {
			return badRequest("MANIFEST_INVALID", "a tag must match [a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}")
		}
	case "tags":
		if last != "list" {
			return pageNotFound()
		}
		r.kind = routeTags
	case "uploads":
		var ok bool
		if repo, ok = strings.CutSuffix(repo, "/blobs"); !ok {
			return pageNotFound()
		}
		r.kind = routeUpload
		if err := r.setUpload(last); err != nil {
			return err
		}
	default:
		return pageNotFound()
	}
	if err := r.setRepo(repo); err != nil {
		return err
	}
	if r.digest != "" || r.kind == routeBlob || r.kind == routeReferrers {
		return checkDigest(r.digest)
	}
	return nil
}

// setUpload takes the base64 of an upload's name, as ociserver writes it.
func (r *route) setUpload(s string) error {
	id, err := base64.RawURLEncoding.DecodeString(s)
	if err != nil || s == "" {
		return ociregistry.ErrBlobUploadUnknown
	}
	r.upload = string(id)
	return nil
}

func (r *route) setRepo(repo string) error {
	r.repo = repo
	return storage.CheckRepository(repo)
}

func (r *route) parseMount() error {
	mount, from := r.query.Get("mount"), r.query.Get("from")
	if r.kind != routeUploads || mount == "" {
		return nil
	}
	r.mount, r.from = ociregistry.Digest(mount), from
	if err := checkDigest(r.mount); err != nil || from == "" {
		return err
	}
	return storage.CheckRepository(from)
}

func checkDigest(d ociregistry.Digest) error {
	if d.Validate() != nil {
		return badRequest(ociregistry.ErrDigestInvalid.Code(), "a digest must be ALGORITHM:HEX, such as sha256: followed by 64 hexadecimal digits")
	}
	return nil
}

func cutLast(s string) (before, after string, found bool) {
	if i := strings.LastIndexByte(s, '/'); i >= 0 {
		return s[:i], s[i+1:], true
	}
	return "", s, false
}
