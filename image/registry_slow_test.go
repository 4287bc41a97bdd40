package image_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/caisson-dev/caisson/image"
	"github.com/caisson-dev/caisson/registry/server"
)

// slowRegistry has one image, and can hold back its largest layer.
type slowRegistry struct {
	ref   string
	layer string

	mu     sync.Mutex
	asked  chan struct{} // not nil: the layer is held back; closed when someone has asked for it
	served int           // how often the layer was asked for
	open   chan struct{} // not nil: the layer waits until it is closed
}

func newSlowRegistry(t *testing.T) *slowRegistry {
	t.Helper()
	reg := server.New(server.Options{})
	require.NoError(t, reg.Err())
	r := &slowRegistry{}
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		if r.wait(req) {
			reg.ServeHTTP(w, req)
		}
	}))
	t.Cleanup(srv.Close)
	addr := srv.Listener.Addr().String()
	r.ref = addr + "/app:1"
	s := open(t)
	_, err := build(t, s, base+"RUN fill /a 100000\nRUN fill /data 3000000\n", image.BuildOptions{Tags: []string{"app:1"}}, nil)
	require.NoError(t, err)
	_, err = s.Push(t.Context(), "app:1", image.PushOptions{Destination: r.ref})
	require.NoError(t, err)
	layer := largestLayer(t, addr)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.layer = layer
	return r
}

// hold holds the layer back from now on. The channel is closed when it has been asked for.
func (r *slowRegistry) hold() <-chan struct{} {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.asked = make(chan struct{})
	return r.asked
}

// gate holds the layer back until release is called.
func (r *slowRegistry) gate() (release func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	open := make(chan struct{})
	r.open = open
	return func() { close(open) }
}

// count is how often the layer was asked for.
func (r *slowRegistry) count() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.served
}

func (r *slowRegistry) wait(req *http.Request) bool {
	r.mu.Lock()
	if req.Method != http.MethodGet || r.layer == "" || !strings.HasSuffix(req.URL.Path, r.layer) {
		r.mu.Unlock()
		return true
	}
	r.served++
	asked, open := r.asked, r.open
	if asked != nil {
		select {
		case <-asked:
		default:
			close(asked)
		}
	}
	r.mu.Unlock()
	if open != nil {
		<-open
	}
	if asked == nil {
		return true
	}
	<-req.Context().Done()
	return false
}

// hanging is a registry that answers nothing but the first ping; asked is closed with the first other request.
func hanging(t *testing.T, asked chan struct{}) (addr string) {
	t.Helper()
	var once sync.Once
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		if req.URL.Path == "/v2/" {
			return
		}
		once.Do(func() { close(asked) })
		<-req.Context().Done()
	}))
	t.Cleanup(srv.Close)
	return srv.Listener.Addr().String()
}
