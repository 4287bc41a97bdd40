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
	// Compression is gzip, zstd or zstd:chunked. Docker's manifests allow gzip only: with another, the image gets an OCI
	// manifest, which has no HEALTHCHECK, ONBUILD and SHELL. Default: gzip.
	Compression string `json:"compression,omitempty"`
	// Level is the level of the compression; for gzip from 1, the fastest, to 9, the smallest. Default: 3.
	Level int `json:"level,omitempty"`
	// Transport says how the registry is reached.
	Transport Transport `json:"transport,omitzero"`
	// Credential is what to log in with. Default: as for Pull.
	Credential registry.Credential `json:"credential,omitzero"`
	// Progress is called as bytes move, from one goroutine at a time. Default: none.
	Progress func(Progress) `json:"-"`
}

// Push copies an image to a registry and returns the digest of the manifest there. Signatures that the image was pulled
// with are not pushed. Layers that the registry has are not sent.
//
// A push makes up to five attempts, like Pull.
//
// Errors: ErrNotFound when the store has no such image, or the registry no such repository; ErrInvalidReference when a
// reference is not valid; ErrUnauthorized when the registry wants a login; ErrDenied when it refuses the push, its size or
// its manifest; ErrUnsupported, which matches ErrDenied too, when it takes no pushes; ErrRateLimited and ErrUnreachable
// after all attempts; ErrInvalidArgument when an option is not valid; ErrCorrupt when a layer of the store is damaged.
func (s *Store) Push(ctx context.Context, ref string, opts PushOptions) (digest string, err error) {
	var res api.Pushed
	err = s.c.Stream(ctx, api.ImagePush, api.Request[PushOptions]{Ref: ref, Options: opts}, nil, progressTo(opts.Progress), &res)
	return res.Digest, err
}
