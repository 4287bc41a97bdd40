package image

import (
	"context"
	"time"

	"github.com/caisson-dev/caisson/internal/api"
)

// Step is one entry of the history of an image: in most cases an instruction of its Dockerfile.
type Step struct {
	Created   time.Time `json:"created"`
	CreatedBy string    `json:"createdBy,omitempty"`
	Comment   string    `json:"comment,omitempty"`
	Size      int64     `json:"size"`            // bytes of its layer, unpacked; 0 without a layer
	Layer     string    `json:"layer,omitempty"` // diff id; empty without a layer
}

// History returns the steps that made an image, the last one first.
//
// Errors: ErrNotFound when there is no such image; ErrAmbiguous when several ids have the prefix; ErrInvalidReference
// when ref is not valid.
func (s *Store) History(ctx context.Context, ref string) ([]Step, error) {
	var steps []Step
	err := s.c.Do(ctx, api.ImageHistory, api.Ref{Ref: ref}, &steps)
	return steps, err
}
