package image

import "github.com/caisson-dev/caisson/internal/api"

// Errors that callers match with errors.Is. The messages that come with them name the subject and the remedy.
var (
	// ErrNotFound: no image of that name or id is in the store, or the registry has no such repository, tag or digest.
	ErrNotFound = api.ErrNotFound
	// ErrAmbiguous: an id prefix fits several images.
	ErrAmbiguous = api.ErrAmbiguous
	// ErrInvalidReference: a name does not follow the grammar of distribution references.
	ErrInvalidReference = api.ErrInvalidReference
	// ErrInvalidArgument: an option has a value that it can't have; the message names the field.
	ErrInvalidArgument = api.ErrInvalidArgument
	// ErrInUse: a container uses the image, or it has several names and Force is not set.
	ErrInUse = api.ErrInUse
	// ErrDockerfile: the Dockerfile does not parse; the message has file and line.
	ErrDockerfile = api.ErrDockerfile
	// ErrBuildStep: a step of the build failed; errors.As with *BuildError tells which.
	ErrBuildStep = api.ErrBuildStep
	// ErrUnauthorized: the registry wants other credentials (401).
	ErrUnauthorized = api.ErrUnauthorized
	// ErrDenied: the registry knows the user and refuses (403), takes no pushes (405), or nothing so large (413).
	ErrDenied = api.ErrDenied
	// ErrRateLimited: the registry refuses for now (429), after all retries.
	ErrRateLimited = api.ErrRateLimited
	// ErrDigestMismatch: content does not have the digest it was asked by.
	ErrDigestMismatch = api.ErrDigestMismatch
	// ErrUnreachable: the registry could not be reached: name, connection, TLS, or 5xx after all retries.
	ErrUnreachable = api.ErrUnreachable
	// ErrPolicy: the signature policy (policy.json) rejects the image, or registries.conf blocks its registry.
	ErrPolicy = api.ErrPolicy
	// ErrCorrupt: an archive, manifest or layer is broken.
	ErrCorrupt = api.ErrCorrupt
	// ErrPermission: the store's directory can't be written.
	ErrPermission = api.ErrPermission
	// ErrNoSpace: the store's file system has no room for what is unpacked, or the user's quota of it is full. A reserve
	// always stays free: 256 MiB, or a twentieth of a small file system.
	ErrNoSpace = api.ErrNoSpace
	// ErrUnsupported: the host lacks what is needed; the message says what.
	ErrUnsupported = api.ErrUnsupported
	// ErrAgentGone: the agent process died; the store is to be opened again.
	ErrAgentGone = api.ErrAgentGone
)
