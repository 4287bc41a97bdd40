package image

import (
	"context"
	"time"

	"github.com/caisson-dev/caisson/internal/api"
)

// Step is one entry of an image's history: an instruction of its Dockerfile, as a rule.
type Step struct {
	Created   time.Time `json:"created"`
	CreatedBy string    `json:"createdBy,omitempty"`
	Comment   string    `json:"comment,omitempty"`
	Size      int64     `json:"size"`            // bytes of its layer, unpacked; 0 when it made none
	Layer     string    `json:"layer,omitempty"` // diff id; empty when it made none
}

// History returns the steps that made an image, the last first.
//
// Errors: ErrNotFound, ErrAmbiguous, ErrInvalidReference.
func (s *Store) History(ctx context.Context, ref string) ([]Step, error) {
	var steps []Step
	err := s.c.Do(ctx, api.ImageHistory, api.Ref{Ref: ref}, &steps)
	return steps, err
}
