package image

import (
	"context"

	"github.com/caisson-dev/caisson/internal/api"
	"github.com/caisson-dev/caisson/registry"
)

// PushOptions tune Push.
type PushOptions struct {
	// Destination is the reference to push to. Default: the reference that is pushed.
	Destination string `json:"destination,omitempty"`
	// Compression of layers: gzip (default, level 3), zstd or zstd:chunked. Docker's manifests have gzip alone: with
	// another, an image that has one becomes OCI's, which has no HEALTHCHECK, ONBUILD and SHELL.
	Compression string `json:"compression,omitempty"`
	// Level of the compression. Default: 3.
	Level int `json:"level,omitempty"`
	// Transport: TLS and plain HTTP.
	Transport Transport `json:"transport,omitzero"`
	// Credential logs in for this call. Default: as for Pull.
	Credential registry.Credential `json:"credential,omitzero"`
	// Progress is called as bytes move, from one goroutine.
	Progress func(Progress) `json:"-"`
}

// Push copies an image to a registry and returns the digest of the manifest there. Signatures that the image was pulled with
// stay behind.
//
// Errors: those of Pull; ErrNotFound when the image is not in the store.
func (s *Store) Push(ctx context.Context, ref string, opts PushOptions) (digest string, err error) {
	var res api.Pushed
	err = s.c.Stream(ctx, api.ImagePush, api.Request[PushOptions]{Ref: ref, Options: opts}, nil, progressTo(opts.Progress), &res)
	return res.Digest, err
}
