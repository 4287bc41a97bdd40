package storage

import (
	"errors"
	"fmt"
	"net/http"

	"cuelabs.dev/go/oci/ociregistry"
)

// ErrTooLarge is in the error of an upload or a manifest beyond its limit; it is answered with status 413.
var ErrTooLarge = errors.New("too large")

// tooLarge is ErrTooLarge as the protocol has it (OCI distribution spec, "Pushing Manifests": 413).
func tooLarge(what string, limit int64) error {
	err := fmt.Errorf("%s is larger than the limit of %d bytes: %w", what, limit, ErrTooLarge)
	return ociregistry.NewHTTPError(err, http.StatusRequestEntityTooLarge, nil, nil)
}

// TooLarge is the error for a body beyond limit bytes.
func TooLarge(what string, limit int64) error { return tooLarge(what, limit) }

// digestMismatch names the two digests and never the content, unlike ocimem's message.
func digestMismatch(want, got ociregistry.Digest) error {
	return fmt.Errorf("%w: the content has %s, the request says %s", ociregistry.ErrDigestInvalid, got, want)
}

func manifestInvalid(format string, a ...any) error {
	return fmt.Errorf("%w: %s", ociregistry.ErrManifestInvalid, fmt.Sprintf(format, a...))
}
