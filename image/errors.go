package image

import "github.com/caisson-dev/caisson/internal/api"

// Errors that callers match with errors.Is. Errors that package container or registry has under the same name are the
// same values. The message of an error names its subject and the remedy.
var (
	// ErrNotFound: the store has no image of that name or id, or the registry has no such repository, tag or digest.
	ErrNotFound = api.ErrNotFound
	// ErrNoPlatform: the registry has the image, but not for the platform. Such an error matches ErrNotFound too.
	ErrNoPlatform = api.ErrNoPlatform
	// ErrAmbiguous: several images have an id with that prefix.
	ErrAmbiguous = api.ErrAmbiguous
	// ErrInvalidReference: a reference does not follow the grammar of distribution references.
	ErrInvalidReference = api.ErrInvalidReference
	// ErrInvalidArgument: an argument or an option has a value that is not valid; the message names the field.
	ErrInvalidArgument = api.ErrInvalidArgument
	// ErrInUse: a container uses the image, or it has several names and Force is not set; or a store that is to be destroyed
	// is open elsewhere.
	ErrInUse = api.ErrInUse
	// ErrDockerfile: the Dockerfile does not parse; the message has file and line.
	ErrDockerfile = api.ErrDockerfile
	// ErrBuildStep: a step of the build failed. The error is a *BuildError, which says which step.
	ErrBuildStep = api.ErrBuildStep
	// ErrUnauthorized: the registry asks for credentials, or refuses those that it got (401).
	ErrUnauthorized = api.ErrUnauthorized
	// ErrDenied: the registry refuses the operation: it does not allow it to this user (403), does not offer it (405, which
	// ErrUnsupported matches too), does not take content of this size (413), or gave another answer of status 4xx that has
	// no error of its own.
	ErrDenied = api.ErrDenied
	// ErrRateLimited: the registry answered 429 to every attempt.
	ErrRateLimited = api.ErrRateLimited
	// ErrDigestMismatch: content does not have the digest that it was asked for by.
	ErrDigestMismatch = api.ErrDigestMismatch
	// ErrUnreachable: the registry could not be reached (its name, the connection, or TLS), or every attempt ended with a
	// connection that broke or stalled, or with an answer of status 408, 500 or more.
	ErrUnreachable = api.ErrUnreachable
	// ErrPolicy: the signature policy (policy.json) rejects the image, or registries.conf blocks its registry.
	ErrPolicy = api.ErrPolicy
	// ErrCorrupt: an archive, a manifest or a layer is damaged.
	ErrCorrupt = api.ErrCorrupt
	// ErrPermission: this user can't write the directory of the store.
	ErrPermission = api.ErrPermission
	// ErrNoSpace: the store's file system is full, or the user's quota of it. A reserve always stays free: 256 MiB,
	// or a twentieth of a small file system.
	ErrNoSpace = api.ErrNoSpace
	// ErrUnsupported: the host does not offer what is needed, or the registry does not offer the operation (405), such as
	// one that is read-only; the message says what.
	ErrUnsupported = api.ErrUnsupported
	// ErrAgentGone: the agent process has died. Open the store again.
	ErrAgentGone = api.ErrAgentGone
)
