package wire

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/caisson-dev/caisson/container"
	"github.com/caisson-dev/caisson/image"
	"github.com/caisson-dev/caisson/registry"
	"github.com/moby/moby/api/types/common"
)

// Error is an error with Docker's status code. Its message is what clients see, and some of them match it.
type Error struct {
	Status int
	err    error
}

func (e *Error) Error() string { return e.err.Error() }
func (e *Error) Unwrap() error { return e.err }

// Errorf makes an Error.
func Errorf(status int, format string, args ...any) error {
	return &Error{status, fmt.Errorf(format, args...)}
}

// BadRequest is an Error about what the client sent.
func BadRequest(format string, args ...any) error {
	return Errorf(http.StatusBadRequest, format, args...)
}

// NotFound is an Error about what is not there.
func NotFound(format string, args ...any) error {
	return Errorf(http.StatusNotFound, format, args...)
}

// Conflict is an Error about what the state of a thing does not allow.
func Conflict(format string, args ...any) error {
	return Errorf(http.StatusConflict, format, args...)
}

// NotImplemented is an Error about what this engine does not do.
func NotImplemented(format string, args ...any) error {
	return Errorf(http.StatusNotImplemented, format, args...)
}

// NotModified says that a thing is in the state already that was asked for. Docker answers 304, which has no body.
var NotModified = Errorf(http.StatusNotModified, "not modified")

// codes are the status codes of the library's errors. The first that matches counts.
var codes = []struct {
	err    error
	status int
}{
	{container.ErrNotFound, http.StatusNotFound},
	{container.ErrAmbiguous, http.StatusBadRequest},
	{container.ErrInvalidArgument, http.StatusBadRequest},
	{image.ErrInvalidReference, http.StatusBadRequest},
	{image.ErrDockerfile, http.StatusBadRequest},
	{container.ErrNameInUse, http.StatusConflict},
	{container.ErrRunning, http.StatusConflict},
	{container.ErrNotRunning, http.StatusConflict},
	{container.ErrPaused, http.StatusConflict},
	{container.ErrNotPaused, http.StatusConflict},
	{container.ErrInUse, http.StatusConflict},
	{container.ErrCommandNotFound, http.StatusBadRequest},
	{container.ErrNotExecutable, http.StatusBadRequest},
	{registry.ErrUnauthorized, http.StatusUnauthorized},
	{registry.ErrUnsupported, http.StatusNotImplemented},
	{registry.ErrDenied, http.StatusForbidden},
	{registry.ErrRateLimited, http.StatusTooManyRequests},
	{container.ErrPermission, http.StatusForbidden},
	{container.ErrAgentGone, http.StatusServiceUnavailable},
}

// StatusOf is the status code of an error.
func StatusOf(err error) int {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Status
	}
	for _, c := range codes {
		if errors.Is(err, c.err) {
			return c.status
		}
	}
	return http.StatusInternalServerError
}

// Fail answers with an error.
func Fail(w http.ResponseWriter, err error) {
	status := StatusOf(err)
	if status == http.StatusNotModified {
		w.WriteHeader(status)
		return
	}
	if errors.Is(err, context.Canceled) {
		status = http.StatusInternalServerError // the client is gone as a rule, and nobody reads it
	}
	Reply(w, status, common.ErrorResponse{Message: err.Error()})
}
