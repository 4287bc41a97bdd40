package server

import (
	"encoding/json"
	"iter"
	"net/http"
	"net/url"
	"strconv"

	"cuelabs.dev/go/oci/ociregistry"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// maxPage is the most names in one answer; the rest is in the next page.
const maxPage = 1000

// handleTags lists tags (OCI distribution spec, "Listing Tags").
func (s *Server) handleTags(x *exchange, _ *http.Request) error {
	tags, more, err := page(x.route.query, func(last string) iter.Seq2[string, error] {
		if s.cache != nil {
			return s.cache.tags(x.request.Context(), x.route.repo, last)
		}
		return s.store.Tags(x.request.Context(), x.route.repo, last)
	})
	if err != nil {
		return err
	}
	setNext(x, tags, more)
	return writeJSON(x, "application/json", struct {
		Name string   `json:"name"`
		Tags []string `json:"tags"`
	}{x.route.repo, tags})
}

// handleCatalog lists the repositories that the user may pull.
func (s *Server) handleCatalog(x *exchange, _ *http.Request) error {
	repos, more, err := page(x.route.query, func(last string) iter.Seq2[string, error] {
		return func(yield func(string, error) bool) {
			for repo, err := range s.store.Repositories(x.request.Context(), last) {
				if (err != nil || s.auth.mayPull(x.user, repo)) && !yield(repo, err) {
					return
				}
			}
		}
	})
	if err != nil {
		return err
	}
	setNext(x, repos, more)
	return writeJSON(x, "application/json", struct {
		Repositories []string `json:"repositories"`
	}{repos})
}

// page takes up to n names after last.
func page(query url.Values, list func(last string) iter.Seq2[string, error]) (names []string, more bool, err error) {
	n := maxPage
	if q := query.Get("n"); q != "" {
		if n, err = strconv.Atoi(q); err != nil || n < 0 {
			return nil, false, badRequest("PAGINATION_NUMBER_INVALID", "n must be a number, 0 or more")
		}
		n = min(n, maxPage)
	}
	names = []string{}
	for name, err := range list(query.Get("last")) {
		if err != nil {
			return nil, false, err
		}
		if len(names) == n {
			return names, n > 0, nil
		}
		names = append(names, name)
	}
	return names, false, nil
}

// setNext sets the Link to the next page (RFC 5988).
func setNext(x *exchange, names []string, more bool) {
	if !more {
		return
	}
	q := url.Values{"last": {names[len(names)-1]}, "n": {strconv.Itoa(len(names))}}
	next := url.URL{Path: x.request.URL.Path, RawQuery: q.Encode()}
	x.Header().Set("Link", "<"+next.String()+`>; rel="next"`)
}

// handleReferrers lists the manifests that have a subject (OCI distribution spec, "Listing Referrers"). A subject, or a
// repository, that is not there has none.
func (s *Server) handleReferrers(x *exchange, r *http.Request) error {
	artifactType := x.route.query.Get("artifactType")
	index := ocispec.Index{MediaType: ocispec.MediaTypeImageIndex, Manifests: []ociregistry.Descriptor{}}
	index.SchemaVersion = 2
	list := s.store.Referrers(r.Context(), x.route.repo, x.route.digest, artifactType)
	if s.cache != nil {
		list = s.cache.referrers(r.Context(), x.route, artifactType)
	}
	for desc, err := range list {
		if err != nil {
			return err
		}
		index.Manifests = append(index.Manifests, desc)
	}
	if artifactType != "" {
		x.Header().Set("OCI-Filters-Applied", "artifactType")
	}
	return writeJSON(x, ocispec.MediaTypeImageIndex, index)
}

func writeJSON(x *exchange, contentType string, v any) error {
	data, err := json.Marshal(v)
	if err != nil {
		return err
	}
	x.Header().Set("Content-Type", contentType)
	x.Header().Set("Content-Length", strconv.Itoa(len(data)))
	x.WriteHeader(http.StatusOK)
	if x.request.Method != http.MethodHead {
		_, _ = x.Write(data)
	}
	return nil
}
