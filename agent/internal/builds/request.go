//go:build linux

package builds

import (
	"context"
	"errors"
	"io"
	"net/http"
	"os"

	"github.com/caisson-dev/caisson/agent/internal/wire"
	"github.com/caisson-dev/caisson/image"
	"github.com/caisson-dev/caisson/internal/api"
)

// Request is a build that was asked for.
type Request struct {
	image.BuildOptions
	api.BuildInput
}

// handle serves a request that is made like a build. What do gets as body is the context when the request HasTar; event may
// be nil.
func handle[T any](do func(_ context.Context, _ Request, body io.Reader, out io.Writer, event func(image.BuildEvent)) (T, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		var in api.BuildRequest[image.BuildOptions]
		body, err := wire.DecodeLine(r.Body, &in)
		if err != nil {
			wire.Fail(w, err)
			return
		}
		req := Request{in.Options, in.Input}
		ev := wire.NewEvents(w)
		var out io.Writer = io.Discard
		if !req.Quiet {
			out = ev
		}
		var event func(image.BuildEvent)
		if req.Events {
			event = func(e image.BuildEvent) { _ = ev.Progress(e) } // the owner is gone when this fails
		}
		got, err := do(r.Context(), req, body, out, event)
		ev.End(got, err)
	}
}

// Build runs a build.
func (s *Service) Build(ctx context.Context, req Request, body io.Reader, out io.Writer, event func(image.BuildEvent)) (*image.Image, error) {
	b, err := s.begin(ctx, req, body, out, event)
	if err != nil {
		return nil, err
	}
	return b.run(ctx)
}

// begin reads what a build needs before its Dockerfile is understood.
func (s *Service) begin(ctx context.Context, req Request, body io.Reader, out io.Writer, event func(image.BuildEvent)) (*build, error) {
	dir, err := s.images.Temp().Make("build")
	if err != nil {
		return nil, err
	}
	b := &build{s: s, req: req, dir: dir, out: newOutput(out, event, req.Jobs > 1)}
	if err := b.prepare(ctx, body); err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	return b, nil
}

func missingDir(dir string, err error) error {
	return api.Errorf(api.ErrInvalidArgument, "build: context %s: %w: name a directory that exists", dir, err)
}
