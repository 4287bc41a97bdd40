//go:build linux

package engine

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestRequests: an agent with a request does not retire, and one that retires answers none; who asks hears so when the
// container is given back.
func TestRequests(t *testing.T) {
	t.Parallel()
	c := newRequests()
	assert.True(t, c.zero())
	assert.False(t, c.any())
	serving, finish := make(chan struct{}), make(chan struct{})
	server := httptest.NewServer(c.wrap(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		close(serving)
		<-finish
	})))
	defer server.Close()
	first := make(chan error)
	get := func(result chan<- error) {
		r, err := http.Get(server.URL)
		if err == nil {
			err = r.Body.Close()
		}
		result <- err
	}
	go get(first)
	<-serving
	assert.False(t, c.close(), "a request is being served")
	changed := c.changed()
	close(finish)
	require.NoError(t, <-first)
	<-changed
	assert.True(t, c.zero())
	assert.True(t, c.any())
	require.True(t, c.close())

	second := make(chan error)
	go get(second)
	select {
	case err := <-second:
		t.Fatalf("refused before the container is given back: %v", err)
	default:
	}
	close(c.released)
	require.Error(t, <-second, "it looks for the manager again")
}
