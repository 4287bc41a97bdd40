package wire

import (
	"context"
	"encoding/json"
	"io"
	"slices"

	"github.com/caisson-dev/caisson/internal/api"
)

// Asker lets a handler ask its client on an upgraded connection: a frame of the kind is the question, the next frame of
// the kind that arrives the answer. The context ends when the client is gone or reports a failure; so do calls of ask.
func Asker(w *api.FrameWriter, r io.Reader, kind api.Kind) (ctx context.Context, ask func(question, answer any) error) {
	ctx, cancel := context.WithCancel(context.Background())
	answers := make(chan []byte, 1)
	go func() {
		defer cancel()
		fr := api.NewFrameReader(r)
		for {
			k, p, err := fr.Next()
			if err != nil || k == api.Failure {
				return
			}
			if k == kind && len(answers) == 0 {
				answers <- slices.Clone(p)
			}
		}
	}()
	return ctx, func(question, answer any) error {
		if err := w.JSON(kind, question); err != nil {
			return err
		}
		select {
		case p := <-answers:
			return json.Unmarshal(p, answer)
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}
