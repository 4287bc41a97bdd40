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
		{"denied", server.Fault{Status: 403}, registry.ErrDenied},
		{"gone", server.Fault{Status: 404}, registry.ErrNotFound},
	} {
		t.Run(test.name, func(t *testing.T) {
			from, to := registrytest.Serve(t, server.Options{}), registrytest.Serve(t, server.Options{})
			registrytest.PushImage(t, registrytest.Dial(t, from.Addr), "app", "1", big)
			remove := from.Inject(test.fault)
			c := registry.NewClient(registry.ClientOptions{
				AuthFile: "/nonexistent/auth.json", Retry: registry.RetryOptions{Attempts: 4, Delay: time.Millisecond},
			})
			_, err := c.Copy(context.Background(), from.Addr+"/app:1", to.Addr+"/app:1", registry.CopyOptions{})
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
