package image

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/caisson-dev/caisson/internal/api"
)

// Format is the format of an archive of images.
type Format string

// The formats.
const (
	FormatDocker Format = "docker-archive" // the format of docker save
	FormatOCI    Format = "oci-archive"    // an OCI image layout as a tar file; manifests keep their formats
)

// SaveOptions tune Save.
type SaveOptions struct {
	// Format is the format of the archive. Default: FormatDocker.
	Format Format `json:"format,omitempty"`
}

// Save writes images to w as one tar archive. The archive has the names in refs. A name without a tag means all tags that
// the store has of it, as for docker save. An image that is given by its id is saved without a name.
//
// Errors: ErrNotFound when there is no such image; ErrAmbiguous when several ids have the prefix; ErrInvalidReference
// when one of refs is not valid; ErrInvalidArgument when refs is empty or the format is not valid; ErrCorrupt when a
// layer of the store is damaged; those of w. After an error w has a part of the archive.
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
