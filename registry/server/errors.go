package server

import (
	"net/http"

	"cuelabs.dev/go/oci/ociregistry"
	"github.com/caisson-dev/caisson/internal/api"
)

// Errors that callers match with errors.Is. They are the same values as those of package registry, image and container.
var (
	// ErrInvalidArgument: an option has a value that it can't have; the message names the field.
	ErrInvalidArgument = api.ErrInvalidArgument
	// ErrInvalidReference: the upstream's name does not follow the grammar.
	ErrInvalidReference = api.ErrInvalidReference
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
