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

func (s *Service) handleBuild(w http.ResponseWriter, r *http.Request) {
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
	img, err := s.Build(r.Context(), req, body, out, event)
	ev.End(img, err)
}

// Build runs a build. body is the context when req.HasTar; event may be nil.
func (s *Service) Build(ctx context.Context, req Request, body io.Reader, out io.Writer, event func(image.BuildEvent)) (*image.Image, error) {
	dir, err := s.images.Temp().Make("build")
	if err != nil {
		return nil, err
	}
	b := &build{s: s, req: req, dir: dir, out: newOutput(out, event, req.Jobs > 1)}
	if err := b.prepare(ctx, body); err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	return b.run(ctx)
}

func missingDir(dir string, err error) error {
	return api.Errorf(api.ErrInvalidArgument, "build: context %s: %w: name a directory that exists", dir, err)
}
