package registry_test

import (
	"context"
	"testing"
	"time"

	"github.com/caisson-dev/caisson/registry"
	"github.com/caisson-dev/caisson/registry/internal/registrytest"
	"github.com/caisson-dev/caisson/registry/server"
	"github.com/opencontainers/go-digest"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestClientSurvivesFaults shows what the client makes of each fault.
func TestClientSurvivesFaults(t *testing.T) {
	big := string(make([]byte, 300_000))
	for _, test := range []struct {
		name  string
		fault server.Fault
		want  error
	}{
		{"two times 503", server.Fault{Status: 503, Times: 2}, nil},
		{"429", server.Fault{RetryAfter: time.Nanosecond, Status: 429, Times: 1}, nil},
		{"cut twice in a blob", server.Fault{Drop: true, Offset: 200_000, Times: 2, Reference: registrytest.Sum(big)}, nil},
		{"cut before any answer", server.Fault{Drop: true, Times: 2}, nil},
		{"503 for ever", server.Fault{Status: 503}, registry.ErrUnreachable},
		{"429 for ever", server.Fault{Status: 429}, registry.ErrRateLimited},
		{"more than we wait", server.Fault{RetryAfter: time.Hour}, registry.ErrRateLimited},
		{"truncated", server.Fault{Truncate: true, Offset: 1000, Reference: registrytest.Sum(big), Method: "GET"}, registry.ErrDigestMismatch},
		{"corrupt", server.Fault{Corrupt: true, Offset: 1000, Reference: registrytest.Sum(big), Method: "GET"}, registry.ErrDigestMismatch},
		{"cut in a blob for ever", server.Fault{Drop: true, Offset: 200_000, Reference: registrytest.Sum(big)}, registry.ErrUnreachable},
		{"cut for ever", server.Fault{Drop: true}, registry.ErrUnreachable},
		{"408 for ever", server.Fault{Status: 408}, registry.ErrUnreachable},
		{"denied", server.Fault{Status: 403}, registry.ErrDenied},
		{"not offered", server.Fault{Status: 405}, registry.ErrUnsupported},
		{"not offered is denied", server.Fault{Status: 405}, registry.ErrDenied},
		{"too large", server.Fault{Status: 413}, registry.ErrDenied},
		{"another refusal", server.Fault{Status: 418}, registry.ErrDenied},
		{"gone", server.Fault{Status: 404}, registry.ErrNotFound},
	} {
		forBothHTTP(t, test.name, func(t *testing.T, from *server.Serving, addr string) {
			to := registrytest.Serve(t, server.Options{})
			registrytest.PushImage(t, registrytest.Dial(t, from.Addr), "app", "1", big)
			remove := from.Inject(test.fault)
			c := registry.NewClient(registry.ClientOptions{
				AuthFile: "/nonexistent/auth.json", Retry: registry.RetryOptions{Attempts: 4, Delay: time.Millisecond},
			})
			defer func() { require.NoError(t, c.Close()) }() // else the server of HTTP/2 waits a second for it
			_, err := c.Copy(context.Background(), addr+"/app:1", to.Addr+"/app:1", registry.CopyOptions{})
			assert.Positive(t, remove())
			if test.want != nil {
				require.ErrorIs(t, err, test.want)
				assert.Equal(t, 404, registrytest.Do(t, "GET", to.URL+"/v2/app/manifests/1", "").Status, "no tag for half an image")
				return
			}
			require.NoError(t, err)
			assert.Equal(t, big, registrytest.GetBlob(t, registrytest.Dial(t, to.Addr), "app", digest.FromString(big)))
		})
	}
}

// TestCopyIsRefused: what a destination refuses matches the same errors as with a push of package image.
func TestCopyIsRefused(t *testing.T) {
	from := registrytest.Serve(t, server.Options{})
	registrytest.PushImage(t, registrytest.Dial(t, from.Addr), "app", "1", string(make([]byte, 300_000)))
	for name, test := range map[string]struct {
		o    server.Options
		want []error
		says string
	}{
		"small limit": {server.Options{Limits: server.Limits{BlobBytes: 1000}}, []error{registry.ErrDenied}, "413 Request Entity Too Large: size invalid: blob is larger than the limit of 1000 bytes: this is too large for the registry"},
		"read-only":   {server.Options{ReadOnly: true}, []error{registry.ErrDenied, registry.ErrUnsupported}, "405 Method Not Allowed: unsupported: the registry is read-only"},
		"cache":       {server.Options{Upstream: server.Upstream{Registry: from.Addr}}, []error{registry.ErrDenied, registry.ErrUnsupported}, "push to that one"},
	} {
		t.Run(name, func(t *testing.T) {
			to := registrytest.Serve(t, test.o)
			_, err := registrytest.Anonymous().Copy(context.Background(), from.Addr+"/app:1", to.Addr+"/other:1", registry.CopyOptions{})
			for _, want := range test.want {
				require.ErrorIs(t, err, want)
			}
			require.ErrorContains(t, err, test.says)
			require.NotContains(t, err.Error(), "\n")
		})
	}
}
