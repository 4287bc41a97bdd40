package publish

import (
	"errors"
	"fmt"
)

// Sentinel errors; match with errors.Is.
var (
	// ErrInvalid: a mapping has no meaning; the message says why.
	ErrInvalid = errors.New("invalid")
	// ErrClosed: the publication was closed.
	ErrClosed = errors.New("closed")
	// ErrPortInUse is matched by *PortInUseError.
	ErrPortInUse = errors.New("port in use")
)

// PortInUseError names the host port that could not be bound. It matches ErrPortInUse.
type PortInUseError struct {
	Proto string // "tcp" or "udp"
	Addr  string // "127.0.0.1:8080"
	Err   error  // the system's error
}

func (e *PortInUseError) Error() string {
	return fmt.Sprintf("publish %s/%s: port in use: stop what listens there, or publish another port (0 takes a free one)", e.Addr, e.Proto)
}

// Is reports that a *PortInUseError is an ErrPortInUse.
func (e *PortInUseError) Is(target error) bool { return target == ErrPortInUse }

func (e *PortInUseError) Unwrap() error { return e.Err }
