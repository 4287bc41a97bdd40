package network

import "errors"

// Sentinel errors; match with errors.Is. Those of package plan come with them.
var (
	// ErrNotFound: no network, or no endpoint, of that name.
	ErrNotFound = errors.New("not found")
	// ErrExists: a network of that name exists.
	ErrExists = errors.New("already exists")
	// ErrInUse: the network has endpoints.
	ErrInUse = errors.New("in use")
	// ErrNoIPv6: the kernel runs without IPv6.
	ErrNoIPv6 = errors.New("no IPv6 on this machine")
)
