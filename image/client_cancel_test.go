//go:build linux

package image_test

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strings"
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
	over <-chan struct{}
}

func newStuck(t *testing.T, text string) io.Reader {
	return io.MultiReader(strings.NewReader(text), stuck{nil, t.Context().Done()})
}

func (s stuck) Read([]byte) (int, error) {
	<-s.over
	return 0, io.EOF
}

// A reader that blocks, as standard input that nobody types into, does not keep a cancelled call.
func TestClientCancelWhileReading(t *testing.T) {
	t.Parallel()
	for name, call := range map[string]struct {
		route api.Route
		f     func(context.Context, *image.Store, io.Reader) error
	}{
		"load": {api.ImageLoad, func(ctx context.Context, s *image.Store, r io.Reader) error {
			_, err := s.Load(ctx, r, image.LoadOptions{})
			return err
		}},
		"import": {api.ImageImport, func(ctx context.Context, s *image.Store, r io.Reader) error {
			_, err := s.Import(ctx, r, image.ImportOptions{})
			return err
		}},
		"build": {api.ImageBuild, func(ctx context.Context, s *image.Store, r io.Reader) error {
			_, err := s.Build(ctx, image.BuildOptions{Tar: r})
			return err
		}},
	} {
		for how, h := range map[string]agenttest.Handler{
			"not read": agenttest.Hang(),
			"read": func(_ http.ResponseWriter, _ *http.Request, _ json.RawMessage, body io.Reader) {
				_, _ = io.Copy(io.Discard, body)
			},
			"read after an event": func(w http.ResponseWriter, _ *http.Request, _ json.RawMessage, body io.Reader) {
				_ = json.NewEncoder(w).Encode(agenttest.Progress(image.Progress{}))
				_ = http.NewResponseController(w).Flush()
				_, _ = io.Copy(io.Discard, body)
			},
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
						return call.f(ctx, s, newStuck(t, "beginning"))
					})
					require.ErrorIs(t, err, context.Canceled)
					assert.Less(t, took, quick)
				}
			})
		}
	}
}
