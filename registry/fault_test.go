package registry_test

import (
	"context"
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/caisson-dev/caisson/registry"
	"github.com/opencontainers/go-digest"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestFaults(t *testing.T) {
	const content = "0123456789"
	for _, test := range []struct {
		name   string
		fault  registry.Fault
		status int
		body   string
		cut    bool // the connection ends early
	}{
		{"status", registry.Fault{Status: 503}, 503, "", false},
		{"rate limit", registry.Fault{RetryAfter: 1500 * time.Millisecond}, 429, "", false},
		{"truncate", registry.Fault{Truncate: true, Offset: 4}, 200, "0123", false},
		{"corrupt", registry.Fault{Corrupt: true, Offset: 4}, 200, "0123\xcb56789", false},
		{"drop in the body", registry.Fault{Drop: true, Offset: 4}, 200, "0123", true},
		{"another repository", registry.Fault{Repository: "other", Status: 503}, 200, content, false},
		{"another digest", registry.Fault{Reference: sum("other"), Status: 503}, 200, content, false},
		{"this digest", registry.Fault{Reference: sum(content), Status: 418}, 418, "", false},
		{"another method", registry.Fault{Method: "PUT", Status: 503}, 200, content, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			stores(t, func(t *testing.T, o registry.ServerOptions) {
				reg := serve(t, o)
				pushBlob(t, dial(t, reg.Addr), "app", content)
				reg.Inject(test.fault)
				resp, err := http.Get(reg.URL + "/v2/app/blobs/" + sum(content))
				require.NoError(t, err)
				body, err := io.ReadAll(resp.Body)
				require.NoError(t, resp.Body.Close())
				assert.Equal(t, test.cut, err != nil)
				assert.Equal(t, test.status, resp.StatusCode)
				if test.status == 200 {
					assert.Equal(t, test.body, string(body))
				}
				if test.fault.RetryAfter > 0 {
					assert.Equal(t, "2", resp.Header.Get("Retry-After"))
				}
			})
		})
	}
}

func TestFaultByCount(t *testing.T) {
	reg := serve(t, registry.ServerOptions{})
	remove := reg.Inject(registry.Fault{Method: "GET", Status: 500, Skip: 1, Times: 2})
	var got []int
	for range 5 {
		got = append(got, do(t, "GET", reg.URL+"/v2/", "").status)
	}
	assert.Equal(t, []int{200, 500, 500, 200, 200}, got)
	assert.Equal(t, 2, remove())

	reg.Inject(registry.Fault{Drop: true, Times: 1})
	_, err := (&http.Transport{DisableKeepAlives: true}).RoundTrip(request(t, reg.URL+"/v2/"))
	require.Error(t, err, "dropped before an answer")
	assert.Equal(t, 200, do(t, "GET", reg.URL+"/v2/", "").status)
}

func request(t *testing.T, url string) *http.Request {
	t.Helper()
	req, err := http.NewRequest(http.MethodGet, url, nil)
	require.NoError(t, err)
	return req
}

func TestDelayEndsWithTheClient(t *testing.T) {
	reg := serve(t, registry.ServerOptions{})
	reg.Inject(registry.Fault{Delay: time.Hour})
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
	defer cancel()
	_, err := http.DefaultClient.Do(request(t, reg.URL+"/v2/").WithContext(ctx))
	require.ErrorIs(t, err, context.DeadlineExceeded)
	// Close, in the cleanup, would wait for the handler.
}

// TestClientSurvivesFaults shows what the client makes of each fault.
func TestClientSurvivesFaults(t *testing.T) {
	big := string(make([]byte, 300_000))
	for _, test := range []struct {
		name  string
		fault registry.Fault
		want  error
	}{
		{"two times 503", registry.Fault{Status: 503, Times: 2}, nil},
		{"429", registry.Fault{RetryAfter: time.Nanosecond, Status: 429, Times: 1}, nil},
		{"cut twice in a blob", registry.Fault{Drop: true, Offset: 200_000, Times: 2, Reference: sum(big)}, nil},
		{"cut before any answer", registry.Fault{Drop: true, Times: 2}, nil},
		{"503 for ever", registry.Fault{Status: 503}, registry.ErrUnavailable},
		{"429 for ever", registry.Fault{Status: 429}, registry.ErrRateLimited},
		{"more than we wait", registry.Fault{RetryAfter: time.Hour}, registry.ErrRateLimited},
		{"truncated", registry.Fault{Truncate: true, Offset: 1000, Reference: sum(big), Method: "GET"}, registry.ErrDigestMismatch},
		{"corrupt", registry.Fault{Corrupt: true, Offset: 1000, Reference: sum(big), Method: "GET"}, registry.ErrDigestMismatch},
		{"denied", registry.Fault{Status: 403}, registry.ErrDenied},
		{"gone", registry.Fault{Status: 404}, registry.ErrNotFound},
	} {
		t.Run(test.name, func(t *testing.T) {
			from, to := serve(t, registry.ServerOptions{}), serve(t, registry.ServerOptions{})
			pushImage(t, dial(t, from.Addr), "app", "1", big)
			remove := from.Inject(test.fault)
			c := registry.NewClient(registry.ClientOptions{
				AuthFile: "/nonexistent/auth.json", Retry: registry.RetryOptions{Attempts: 4, Delay: time.Millisecond},
			})
			_, err := c.Copy(context.Background(), from.Addr+"/app:1", to.Addr+"/app:1", registry.CopyOptions{})
			assert.Positive(t, remove())
			if test.want != nil {
				require.ErrorIs(t, err, test.want)
				assert.Equal(t, 404, do(t, "GET", to.URL+"/v2/app/manifests/1", "").status, "no tag for half an image")
				return
			}
			require.NoError(t, err)
			assert.Equal(t, big, getBlob(t, dial(t, to.Addr), "app", digest.FromString(big)))
		})
	}
}
