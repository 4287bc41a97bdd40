package server

import (
	"net/http"
	"time"
)

// handleBlob serves a blob with http.ServeContent, which knows all of HTTP's ranges and conditions; ociserver knows a
// single range from the start.
func (s *Server) handleBlob(x *exchange, r *http.Request) error {
	b, err := s.store.OpenBlob(r.Context(), x.route.repo, x.route.digest)
	if err != nil {
		return err
	}
	defer func() { _ = b.Close() }()
	h := x.Header()
	h.Set("Content-Type", "application/octet-stream")
	h.Set("Docker-Content-Digest", string(x.route.digest))
	h.Set("ETag", `"`+string(x.route.digest)+`"`)
	h.Set("X-Content-Type-Options", "nosniff")
	http.ServeContent(x, r, "", time.Time{}, s.faults.content(x, b))
	return nil
}
