package network

import (
	"errors"
	"fmt"
)

// Sentinel errors; match with errors.Is.
var (
	// ErrNotFound: no network, or no endpoint, of that name.
	ErrNotFound = errors.New("not found")
	// ErrExists: a network of that name exists.
	ErrExists = errors.New("already exists")
	// ErrInUse: the network has endpoints.
	ErrInUse = errors.New("in use")
	// ErrClosed: the network was left, or the publication closed.
	ErrClosed = errors.New("closed")
	// ErrInvalid: an option has no meaning; the message says which.
	ErrInvalid = errors.New("invalid")
	// ErrSubnetOverlap: the subnet is used by the host or by another network.
	ErrSubnetOverlap = errors.New("subnet overlaps")
	// ErrNoFreeSubnet: every candidate subnet is taken.
	ErrNoFreeSubnet = errors.New("no free subnet")
	// ErrNoFreeAddress: every address of the subnet is taken.
	ErrNoFreeAddress = errors.New("no free address")
	// ErrAddressInUse: another endpoint has the address.
	ErrAddressInUse = errors.New("address in use")
	// ErrNoIPv6: the kernel runs without IPv6.
	ErrNoIPv6 = errors.New("no IPv6 on this machine")
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
