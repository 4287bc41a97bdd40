//go:build linux

package builds

import (
	"context"
	"crypto/tls"
	"net/http"

	"github.com/opencontainers/go-digest"

	"github.com/caisson-dev/caisson/agent/internal/builds/dockerfile"
	"github.com/caisson-dev/caisson/agent/internal/builds/work"
)

// download fetches the URL of an ADD. The options say whether servers are verified.
func (s *stage) download(ctx context.Context, item dockerfile.Item) (*work.Source, error) {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	defer transport.CloseIdleConnections()
	if s.x.b.req.Transport.Insecure {
		transport.TLSClientConfig = &tls.Config{InsecureSkipVerify: true} //nolint:gosec // the caller asked for it
	}
	return s.x.work.HTTP(ctx, work.HTTP{
		URL: item.URL, Checksum: digest.Digest(item.Checksum), Client: &http.Client{Transport: transport},
	})
}
