package storage

import (
	"fmt"
	"net/http"

	"cuelabs.dev/go/oci/ociregistry"
)

// TooLarge is the error for a body of more than limit bytes (OCI distribution spec, "Pushing Manifests": 413).
func TooLarge(what string, limit int64) error {
	message := fmt.Sprintf("%s is larger than the limit of %d bytes", what, limit)
	err := ociregistry.NewError(message, ociregistry.ErrSizeInvalid.Code(), nil)
	return ociregistry.NewHTTPError(err, http.StatusRequestEntityTooLarge, nil, nil)
}

// digestMismatch names the two digests and never the content, unlike ocimem's message.
func digestMismatch(want, got ociregistry.Digest) error {
	return fmt.Errorf("%w: the content has %s, the request says %s", ociregistry.ErrDigestInvalid, got, want)
}

func manifestInvalid(format string, a ...any) error {
	return fmt.Errorf("%w: %s", ociregistry.ErrManifestInvalid, fmt.Sprintf(format, a...))
}
