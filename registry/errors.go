package registry

import (
	"errors"
	"net/http"

	"cuelabs.dev/go/oci/ociregistry"
)

// Errors that a caller can match with errors.Is.
var (
	// ErrNotFound says that the registry has no such repository, tag, manifest or blob.
	ErrNotFound = errors.New("not found")
	// ErrUnauthorized says that the registry asks for credentials, or refused the ones it got.
	ErrUnauthorized = errors.New("unauthorized")
	// ErrDenied says that the registry knows the user and refuses the operation.
	ErrDenied = errors.New("denied")
	// ErrRateLimited says that the registry answered 429 to every attempt.
	ErrRateLimited = errors.New("rate limited")
	// ErrUnavailable says that the registry can't be reached, or answered 5xx to every attempt.
	ErrUnavailable = errors.New("registry unavailable")
	// ErrUnsupported says that the registry does not offer the operation.
	ErrUnsupported = errors.New("unsupported by the registry")
	// ErrDigestMismatch says that content does not have the digest it was asked for by.
	ErrDigestMismatch = errors.New("digest mismatch")
	// ErrInvalidReference says that a reference, a registry's name or a digest does not follow the grammar.
	ErrInvalidReference = errors.New("invalid reference")
	// ErrInvalidManifest says that a manifest is malformed, of an unknown type, or names what is not there.
	ErrInvalidManifest = errors.New("invalid manifest")
	// ErrNoPlatform says that an index has no manifest for the platform.
	ErrNoPlatform = errors.New("no manifest for the platform")
	// ErrNotLoggedIn says that there are no credentials to remove.
	ErrNotLoggedIn = errors.New("not logged in")
	// ErrInvalidOptions says that options contradict each other or name what is not there.
	ErrInvalidOptions = errors.New("invalid options")
)

// methodNotAllowed is what a registry answers to an operation it does not offer (OCI distribution spec, "Content
// Management": 405).
func methodNotAllowed(message string) error {
	err := ociregistry.NewError(message, "METHOD_NOT_ALLOWED", nil)
	return ociregistry.NewHTTPError(err, http.StatusMethodNotAllowed, nil, nil)
}

func pageNotFound() error {
	err := ociregistry.NewError("no such endpoint", "NOT_FOUND", nil)
	return ociregistry.NewHTTPError(err, http.StatusNotFound, nil, nil)
}

func badRequest(code, message string) error {
	return ociregistry.NewHTTPError(ociregistry.NewError(message, code, nil), http.StatusBadRequest, nil, nil)
}
