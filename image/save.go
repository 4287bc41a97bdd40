package image

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/caisson-dev/caisson/internal/api"
)

// Format of an archive of images.
type Format string

// The formats.
const (
	FormatDocker Format = "docker-archive" // as docker save writes
	FormatOCI    Format = "oci-archive"    // an OCI image layout as tar; keeps manifests' own formats
)

// SaveOptions tune Save.
type SaveOptions struct {
	// Format: default FormatDocker.
	Format Format `json:"format,omitempty"`
}

// Save writes images as one tar archive to w, with the names that they are given by. An image given by its id is saved
// without a name.
//
// Errors: ErrNotFound, ErrAmbiguous, ErrInvalidReference, ErrInvalidArgument; those of w.
func (s *Store) Save(ctx context.Context, w io.Writer, refs []string, opts SaveOptions) error {
	body, err := s.c.Body(ctx, api.ImageSave, api.SaveRequest[SaveOptions]{Refs: refs, Options: opts})
	if err != nil {
		return err
	}
	defer body.Close()
	return s.receive(ctx, "save images", body, w)
}

// receive writes a stream in frames, which tell a whole one from a broken one, to w.
func (s *Store) receive(ctx context.Context, what string, body io.Reader, w io.Writer) error {
	r := api.NewFrameReader(body)
	for {
		kind, data, err := r.Next()
		switch {
		case err != nil:
			if why := s.c.Why(ctx); why != nil {
				return fmt.Errorf("%s: %w", what, why)
			}
			if errors.Is(err, io.EOF) {
				err = io.ErrUnexpectedEOF
			}
			return fmt.Errorf("%s: %w", what, err)
		case kind == api.Exit:
			return nil
		case kind == api.Failure:
			e := &api.Error{}
			if err := json.Unmarshal(data, e); err != nil {
				return fmt.Errorf("%s: %w", what, err)
			}
			return e
		}
		if _, err := w.Write(data); err != nil {
			return fmt.Errorf("%s: %w", what, err)
		}
	}
}
