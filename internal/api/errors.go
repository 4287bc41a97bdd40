package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
)

// Sentinels. The public packages export those that their callers meet.
var (
	ErrNotFound         = errors.New("not found")
	ErrAmbiguous        = errors.New("ambiguous id prefix")
	ErrInvalidReference = errors.New("invalid reference")
	ErrInvalidArgument  = errors.New("invalid argument")
	ErrNameInUse        = errors.New("name in use")
	ErrInUse            = errors.New("in use")
	ErrRunning          = errors.New("container is running")
	ErrNotRunning       = errors.New("container is not running")
	ErrPaused           = errors.New("container is paused")
	ErrNotPaused        = errors.New("container is not paused")
	ErrUnauthorized     = errors.New("unauthorized")
	ErrDenied           = errors.New("denied")
	ErrRateLimited      = errors.New("rate limited")
	ErrDigestMismatch   = errors.New("digest mismatch")
	ErrUnreachable      = errors.New("registry unreachable")
	ErrUnsupported      = errors.New("not supported")
	ErrPermission       = errors.New("permission denied")
	ErrPortInUse        = errors.New("port in use")
	ErrDockerfile       = errors.New("dockerfile syntax")
	ErrBuildStep        = errors.New("build step failed")
	ErrCommandNotFound  = errors.New("command not found")
	ErrNotExecutable    = errors.New("command not executable")
	ErrAgentGone        = errors.New("agent gone")
	ErrPolicy           = errors.New("rejected by signature policy")
	ErrCorrupt          = errors.New("corrupt data")
	ErrUnhealthy        = errors.New("container is unhealthy")
	ErrNoSpace          = errors.New("no space left")

	// ErrNoPlatform: an image is not made for the platform.
	ErrNoPlatform = Errorf(ErrNotFound, "no manifest for the platform")
	// ErrNotOffered: a registry does not offer the operation, to nobody (405). It is sent as what it matches.
	ErrNotOffered = Errorf(ErrDenied, "%w", ErrUnsupported)
)

var codes = map[string]error{
	"not-found": ErrNotFound, "ambiguous": ErrAmbiguous, "invalid-reference": ErrInvalidReference,
	"invalid-argument": ErrInvalidArgument, "name-in-use": ErrNameInUse, "in-use": ErrInUse, "running": ErrRunning,
	"not-running": ErrNotRunning, "paused": ErrPaused, "not-paused": ErrNotPaused, "unauthorized": ErrUnauthorized, "denied": ErrDenied,
	"rate-limited": ErrRateLimited, "digest-mismatch": ErrDigestMismatch, "unreachable": ErrUnreachable,
	"unsupported": ErrUnsupported, "permission": ErrPermission, "port-in-use": ErrPortInUse,
	"dockerfile": ErrDockerfile, "build-step": ErrBuildStep, "command-not-found": ErrCommandNotFound,
	"not-executable": ErrNotExecutable, "agent-gone": ErrAgentGone, "policy": ErrPolicy, "corrupt": ErrCorrupt, "unhealthy": ErrUnhealthy,
	"no-space": ErrNoSpace, "no-platform": ErrNoPlatform,
	"canceled": context.Canceled, "deadline": context.DeadlineExceeded,
}

// Error is an error on its way from the agent to the owner. It matches the sentinels of its codes with errors.Is.
type Error struct {
	Codes   []string        `json:"codes,omitempty"`
	Message string          `json:"message"`
	Data    json.RawMessage `json:"data,omitempty"` // for errors that carry data
}

func (e *Error) Error() string { return e.Message }

// Unwrap returns the sentinels.
func (e *Error) Unwrap() []error {
	var errs []error
	for _, c := range e.Codes {
		if err, ok := codes[c]; ok {
			errs = append(errs, err)
		}
	}
	return errs
}

// Data is implemented by errors that carry more than a message over the wire.
type Data interface{ WireData() any }

// ToError makes err ready for the wire.
func ToError(err error) *Error {
	if err == nil {
		return nil
	}
	var wire *Error
	if errors.As(err, &wire) && wire.Message == err.Error() {
		return wire
	}
	e := &Error{Message: err.Error()}
	for code, sentinel := range codes {
		if errors.Is(err, sentinel) {
			e.Codes = append(e.Codes, code)
		}
	}
	if wire != nil {
		e.Data = wire.Data
	}
	var d Data
	if errors.As(err, &d) {
		if b, jerr := json.Marshal(d.WireData()); jerr == nil {
			e.Data = b
		}
	}
	return e
}

// Errorf formats an error that matches sentinel without repeating the sentinel's text.
func Errorf(sentinel error, format string, args ...any) error {
	return &tagged{sentinel: sentinel, err: fmt.Errorf(format, args...)}
}

type tagged struct {
	sentinel error
	err      error
}

func (t *tagged) Error() string   { return t.err.Error() }
func (t *tagged) Unwrap() []error { return []error{t.sentinel, t.err} }
