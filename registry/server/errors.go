package server

import (
	"errors"
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
	err := ociregistry.NewError(message, ociregistry.ErrUnsupported.Code(), nil)
	return ociregistry.NewHTTPError(err, http.StatusMethodNotAllowed, nil, nil)
}

// marshalError is ociregistry.MarshalError, but the status that the error has goes before the one of its code: with
// UNSUPPORTED that would be 400, and with SIZE_INVALID, too. The message does not repeat either.
func marshalError(err error) (body []byte, status int) {
	var herr ociregistry.HTTPError
	if !errors.As(err, &herr) {
		return ociregistry.MarshalError(err)
	}
	if said := errors.Unwrap(herr); said != nil {
		err = said
	}
	body, _ = ociregistry.MarshalError(err)
	return body, herr.StatusCode()
}

func pageNotFound() error {
	err := ociregistry.NewError("no such endpoint", "NOT_FOUND", nil)
	return ociregistry.NewHTTPError(err, http.StatusNotFound, nil, nil)
}

func badRequest(code, message string) error {
	return ociregistry.NewHTTPError(ociregistry.NewError(message, code, nil), http.StatusBadRequest, nil, nil)
}
