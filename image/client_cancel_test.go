//go:build linux

package image_test

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/caisson-dev/caisson/image"
	"github.com/caisson-dev/caisson/internal/agenttest"
	"github.com/caisson-dev/caisson/internal/api"
)

// stuck is a reader that gives its text and then blocks until the test is over.
type stuck struct {
	io.Reader
	blocks chan struct{} // closed when it does
	once   sync.Once
	over   <-chan struct{}
}

func newStuck(t *testing.T, text string) *stuck {
	return &stuck{Reader: strings.NewReader(text), blocks: make(chan struct{}), over: t.Context().Done()}
}

func (s *stuck) Read(p []byte) (int, error) {
	if n, err := s.Reader.Read(p); err == nil {
		return n, nil
	}
	s.once.Do(func() { close(s.blocks) })
	<-s.over
	return 0, io.EOF
}

// readers are the methods that read from their caller.
var readers = map[string]struct {
	route  api.Route
	result any
	call   func(context.Context, *image.Store, io.Reader) error
}{
	"load": {api.ImageLoad, []image.Image{app}, func(ctx context.Context, s *image.Store, r io.Reader) error {
		_, err := s.Load(ctx, r, image.LoadOptions{})
		return err
	}},
	"import": {api.ImageImport, app, func(ctx context.Context, s *image.Store, r io.Reader) error {
		_, err := s.Import(ctx, r, image.ImportOptions{})
		return err
	}},
	"build": {api.ImageBuild, app, func(ctx context.Context, s *image.Store, r io.Reader) error {
		_, err := s.Build(ctx, image.BuildOptions{Tar: r})
		return err
	}},
}

// A reader that blocks, such as standard input that nobody types into, does not keep a cancelled call.
func TestClientCancelWhileReading(t *testing.T) {
	t.Parallel()
	for name, call := range readers {
		for how, h := range map[string]agenttest.Handler{
			"not read": agenttest.Hang(),
			"read": func(_ http.ResponseWriter, _ *http.Request, _ json.RawMessage, body io.Reader) {
				_, _ = io.Copy(io.Discard, body)
			},
			"read after an event": agenttest.Then(agenttest.Raw(200, `{"progress": {}}`), func(_ http.ResponseWriter, _ *http.Request, _ json.RawMessage, body io.Reader) {
				_, _ = io.Copy(io.Discard, body)
			}),
		} {
			t.Run(name+" "+how, func(t *testing.T) {
				t.Parallel()
				a, s := played(t)
				under := make(chan struct{}, 1)
				a.Handle(call.route, func(w http.ResponseWriter, r *http.Request, in json.RawMessage, body io.Reader) {
					under <- struct{}{}
					h(w, r, in, body)
				})
				for range 20 {
					took, err := cancelled(t, func() { <-under }, func(ctx context.Context) error {
						return call.call(ctx, s, newStuck(t, "beginning"))
					})
					require.ErrorIs(t, err, context.Canceled)
					assert.Less(t, took, atOnce)
				}
			})
		}
	}
}
