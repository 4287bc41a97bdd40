package transfer

import (
	"context"
	"io"
	"net/http"
	"os"

	"github.com/caisson-dev/caisson/agent/internal/images"
	"github.com/caisson-dev/caisson/agent/internal/names"
	"github.com/caisson-dev/caisson/agent/internal/pack"
	"github.com/caisson-dev/caisson/agent/internal/wire"
	"github.com/caisson-dev/caisson/internal/api"
)

func (s *Service) handleExport(w http.ResponseWriter, r *http.Request) {
	var in api.Ref
	if err := wire.Decode(r.Body, &in); err != nil {
		wire.Fail(w, err)
		return
	}
	v, err := s.images.OpenFS(r.Context(), in.Ref)
	if err != nil {
		wire.Fail(w, err)
		return
	}
	fw := api.NewFrameWriter(w)
	err = export(r.Context(), v, fw.Stream(api.Stdout))
	v.Close() // before the owner goes on, who may remove the image
	// The owner is gone when these fail.
	if err != nil {
		_ = fw.JSON(api.Failure, api.ToError(err))
		return
	}
	_ = fw.Frame(api.Exit, nil)
}

func export(ctx context.Context, v *images.View, w io.Writer) error {
	err := v.Use(func(root *os.File) error {
		return pack.Write(w, func(p *pack.Packer) error { return p.Content(root) })
	})
	return Explain(ctx, "export image "+names.Short(v.ID()), err)
}
