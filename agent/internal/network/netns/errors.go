package netns

import "errors"

// Sentinel errors; match with errors.Is.
var (
	// ErrInvalid: an address or a protocol has no meaning; the message says which.
	ErrInvalid = errors.New("invalid")
	// ErrClosed: the namespace, or the thread inside it, was closed.
	ErrClosed = errors.New("closed")
)
