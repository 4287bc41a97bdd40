package registry

import (
	"errors"

	"github.com/caisson-dev/caisson/internal/api"
)

// Errors that callers match with errors.Is. Those that package image or container has under the same name are the same
// values, so that a caller need not know which package an error comes from.
var (
	// ErrNotFound: the registry has no such repository, tag, manifest or blob.
	ErrNotFound = api.ErrNotFound
	// ErrUnauthorized: the registry asks for credentials, or refuses those that it got (401).
	ErrUnauthorized = api.ErrUnauthorized
	// ErrDenied: the registry refuses the operation: it does not allow it to this user (403), does not offer it (405, which
	// ErrUnsupported matches too), does not take content of this size (413), or gave another answer of status 4xx that has
	// no error of its own.
	ErrDenied = api.ErrDenied
	// ErrRateLimited: the registry answered 429 to every attempt.
	ErrRateLimited = api.ErrRateLimited
	// ErrUnreachable: the registry could not be reached (its name, the connection, or TLS), or every attempt ended with a
	// connection that broke or stalled, or with an answer of status 408, 500 or more.
	ErrUnreachable = api.ErrUnreachable
	// ErrUnsupported: the registry does not offer the operation (405), such as one that is read-only. Such an error matches
	// ErrDenied too.
	ErrUnsupported = api.ErrUnsupported
	// ErrDigestMismatch: content does not have the digest that it was asked for by.
	ErrDigestMismatch = api.ErrDigestMismatch
	// ErrInvalidReference: a reference, a registry's name or a digest does not follow the grammar.
	ErrInvalidReference = api.ErrInvalidReference
	// ErrInvalidArgument: an option has a value that it can't have; the message names the field.
	ErrInvalidArgument = api.ErrInvalidArgument
	// ErrInvalidManifest: a manifest is malformed, of an unknown type, or names what is not there. Such an error matches
	// ErrCorrupt of package image too.
	ErrInvalidManifest = api.Errorf(api.ErrCorrupt, "invalid manifest")
	// ErrNoPlatform: an index has no manifest for the platform. Such an error matches ErrNotFound too.
	ErrNoPlatform = api.ErrNoPlatform
	// ErrNotLoggedIn: there are no credentials to remove.
	ErrNotLoggedIn = errors.New("not logged in")
)
