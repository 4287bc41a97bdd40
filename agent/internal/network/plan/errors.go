package plan

import "errors"

// Sentinel errors; match with errors.Is.
var (
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
)
