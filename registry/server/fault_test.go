package server_test

import (
	"context"
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/caisson-dev/caisson/registry/internal/registrytest"
	"github.com/caisson-dev/caisson/registry/server"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestFaults(t *testing.T) {
	const content = "0123456789"
	for _, test := range []struct {
		name   string
		fault  server.Fault
		status int
		body   string
		cut    bool // the connection ends early
	}{
		{"status", server.Fault{Status: 503}, 503, "", false},
		{"rate limit", server.Fault{RetryAfter: 1500 * time.Millisecond}, 429, "", false},
		{"truncate", server.Fault{Truncate: true, Offset: 4}, 200, "0123", false},
		{"corrupt", server.Fault{Corrupt: true, Offset: 4}, 200, "0123\xcb56789", false},
		{"drop in the body", server.Fault{Drop: true, Offset: 4}, 200, "0123", true},
		{"another repository", server.Fault{Repository: "other", Status: 503}, 200, content, false},
		{"another digest", server.Fault{Reference: registrytest.Sum("other"), Status: 503}, 200, content, false},
		{"this digest", server.Fault{Reference: registrytest.Sum(content), Status: 418}, 418, "", false},
		{"another method", server.Fault{Method: "PUT", Status: 503}, 200, content, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			registrytest.Stores(t, func(t *testing.T, o server.Options) {
				reg := registrytest.Serve(t, o)
				registrytest.PushBlob(t, registrytest.Dial(t, reg.Addr), "app", content)
				reg.Inject(test.fault)
				resp, err := http.Get(reg.URL + "/v2/app/blobs/" + registrytest.Sum(content))
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
	reg := registrytest.Serve(t, server.Options{})
	remove := reg.Inject(server.Fault{Method: "GET", Status: 500, Skip: 1, Times: 2})
	var got []int
	for range 5 {
		got = append(got, registrytest.Do(t, "GET", reg.URL+"/v2/", "").Status)
	}
	assert.Equal(t, []int{200, 500, 500, 200, 200}, got)
	assert.Equal(t, 2, remove())

	reg.Inject(server.Fault{Drop: true, Times: 1})
	_, err := (&http.Transport{DisableKeepAlives: true}).RoundTrip(request(t, reg.URL+"/v2/"))
	require.Error(t, err, "dropped before an answer")
	assert.Equal(t, 200, registrytest.Do(t, "GET", reg.URL+"/v2/", "").Status)
}

func request(t *testing.T, url string) *http.Request {
	t.Helper()
	req, err := http.NewRequest(http.MethodGet, url, nil)
	require.NoError(t, err)
	return req
}

func TestDelayEndsWithTheClient(t *testing.T) {
	reg := registrytest.Serve(t, server.Options{})
	reg.Inject(server.Fault{Delay: time.Hour})
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
	defer cancel()
	_, err := http.DefaultClient.Do(request(t, reg.URL+"/v2/").WithContext(ctx))
	require.ErrorIs(t, err, context.DeadlineExceeded)
	// Close, in the cleanup, would wait for the handler.
}

// TestFaultCodes: the code of a fault's answer says the same as its status, for clients that see the code alone.
func TestFaultCodes(t *testing.T) {
	reg := registrytest.Serve(t, server.Options{})
	for status, code := range map[int]string{
		401: "UNAUTHORIZED", 403: "DENIED", 404: "NAME_UNKNOWN", 405: "UNSUPPORTED", 413: "SIZE_INVALID", 429: "TOOMANYREQUESTS",
		418: "UNKNOWN", 500: "UNAVAILABLE", 503: "UNAVAILABLE",
	} {
		remove := reg.Inject(server.Fault{Status: status})
		a := registrytest.Do(t, "GET", reg.URL+"/v2/", "")
		assert.Equal(t, 1, remove())
		assert.Equal(t, status, a.Status)
		assert.Contains(t, a.Body, `"code":"`+code+`"`, status)
	}
}

// TestDroppedAnswerIsCounted: what a client got before the connection was cut is in the log.
func TestDroppedAnswerIsCounted(t *testing.T) {
	registrytest.Stores(t, func(t *testing.T, o server.Options) {
		content := string(make([]byte, 20<<20)) // more than is sent under one deadline
		for _, offset := range []int64{1000, 17 << 20} {
			reg := registrytest.Serve(t, o)
			registrytest.PushBlob(t, registrytest.Dial(t, reg.Addr), "app", content)
			reg.ResetRequests()
			reg.Inject(server.Fault{Drop: true, Offset: offset})
			resp, err := http.Get(reg.URL + "/v2/app/blobs/" + registrytest.Sum(content))
			require.NoError(t, err)
			n, err := io.Copy(io.Discard, resp.Body)
			require.ErrorIs(t, err, io.ErrUnexpectedEOF)
			require.NoError(t, resp.Body.Close())
			assert.Equal(t, offset, n)
			require.Eventually(t, func() bool { return len(reg.Requests()) == 1 }, 10*time.Second, time.Millisecond)
			r := reg.Requests()[0]
			assert.Equal(t, offset, r.BytesOut)
			assert.True(t, r.Fault)
		}
	})
}
