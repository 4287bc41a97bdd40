package foreign

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestElsewhere(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		url, host string
		want      bool
	}{
		{"http://127.0.0.1:5000/v2/", "127.0.0.1:5000", false},
		{"http://Registry.test/v2/", "registry.test:80", false},
		{"http://127.0.0.1:5001/v2/", "127.0.0.1:5000", true},
		{"http://localhost:5000/v2/", "127.0.0.1:5000", true},
		{"http://a.registry.test/v2/", "registry.test", true},
		{"https://elsewhere.test/v2/", "registry.test", false},
		{"https://registry.test/v2/", "registry.test", false},
	} {
		u, err := url.Parse(c.url)
		require.NoError(t, err)
		assert.Equal(t, c.want, elsewhere(u, c.host), "%+v", c)
	}
}

// TestPass: a request elsewhere arrives whole, but for the credentials; one for a token keeps them.
func TestPass(t *testing.T) {
	t.Parallel()
	there := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		w.Header().Set("Location", "http://next.test/")
		w.WriteHeader(http.StatusAccepted)
		fmt.Fprintf(w, "%s %s %s auth=%q proxy=%q type=%q %s", r.Method, r.Host, r.URL, r.Header.Get("Authorization"),
			r.Header.Get("Proxy-Authorization"), r.Header.Get("Content-Type"), b)
	}))
	t.Cleanup(there.Close)
	choose := new(Proxy).Func("registry.test")
	client := &http.Client{Transport: &http.Transport{Proxy: func(r *http.Request) (*url.URL, error) { return choose(r.URL) }}}
	t.Cleanup(client.CloseIdleConnections)
	for _, marked := range []bool{true, false} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPatch, there.URL+"/up?x=1", strings.NewReader("data"))
		require.NoError(t, err)
		r.SetBasicAuth("u", "p")
		r.Header.Set("Content-Type", "application/octet-stream")
		want := "Basic dTpw"
		if marked {
			r.Header.Set("Docker-Distribution-API-Version", "registry/2.0")
			want = ""
		}
		resp, err := client.Do(r)
		require.NoError(t, err)
		b, err := io.ReadAll(resp.Body)
		require.NoError(t, err)
		require.NoError(t, resp.Body.Close())
		assert.Equal(t, http.StatusAccepted, resp.StatusCode)
		assert.Equal(t, "http://next.test/", resp.Header.Get("Location"))
		at := strings.TrimPrefix(there.URL, "http://")
		assert.Equal(t, fmt.Sprintf("PATCH %s /up?x=1 auth=%q proxy=%q type=%q data", at, want, "", "application/octet-stream"), string(b))
	}
}

// TestClosed: the proxy serves nobody who does not know its secret.
func TestClosed(t *testing.T) {
	t.Parallel()
	at, err := new(Proxy).Func("registry.test")(&url.URL{Scheme: "http", Host: "elsewhere.test"})
	require.NoError(t, err)
	for _, via := range []*url.URL{{Scheme: "http", Host: at.Host}, {Scheme: "http", Host: at.Host, User: url.UserPassword(user, "guess")}} {
		client := &http.Client{Transport: &http.Transport{Proxy: http.ProxyURL(via), DisableKeepAlives: true}}
		resp, err := client.Get("http://127.0.0.1:1/")
		require.NoError(t, err)
		require.NoError(t, resp.Body.Close())
		assert.Equal(t, http.StatusProxyAuthRequired, resp.StatusCode)
	}
	// And it is no server itself.
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+at.Host+"/", nil)
	require.NoError(t, err)
	secret, _ := at.User.Password()
	tmp := &http.Request{Header: http.Header{}}
	tmp.SetBasicAuth(user, secret)
	r.Header.Set("Proxy-Authorization", tmp.Header.Get("Authorization"))
	resp, err := http.DefaultClient.Do(r)
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
	assert.Equal(t, http.StatusBadRequest, resp.StatusCode)
}
