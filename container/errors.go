package container

import (
	"fmt"

	"github.com/caisson-dev/caisson/internal/api"
)

// Errors that callers match with errors.Is. Errors that package image or registry has under the same name are the same
// values. The message of an error names its subject and the remedy.
var (
	// ErrNotFound: there is no such container, image, network, volume or path.
	ErrNotFound = api.ErrNotFound
	// ErrAmbiguous: several containers have an id with that prefix.
	ErrAmbiguous = api.ErrAmbiguous
	// ErrInvalidArgument: an argument or an option has a value that is not valid; the message names the field.
	ErrInvalidArgument = api.ErrInvalidArgument
	// ErrNameInUse: another container has the name.
	ErrNameInUse = api.ErrNameInUse
	// ErrRunning: the container runs, and the operation needs one that does not.
	ErrRunning = api.ErrRunning
	// ErrNotRunning: the container does not run, and the operation needs one that does.
	ErrNotRunning = api.ErrNotRunning
	// ErrPaused: the container is paused, and the operation needs one that is not.
	ErrPaused = api.ErrPaused
	// ErrNotPaused: the container is not paused, so that it can't be resumed.
	ErrNotPaused = api.ErrNotPaused
	// ErrInUse: a container uses the volume or the network that was to be removed, or is on the network already. The message
	// names the container.
	ErrInUse = api.ErrInUse
	// ErrUnhealthy: the health checks of the container fail.
	ErrUnhealthy = api.ErrUnhealthy
	// ErrCommandNotFound: the command is not in the container. Docker's exit code for this is 127.
	ErrCommandNotFound = api.ErrCommandNotFound
	// ErrNotExecutable: the command is in the container and can't be executed. Docker's exit code for this is 126.
	ErrNotExecutable = api.ErrNotExecutable
	// ErrPortInUse: a port of the host that was to be published is in use.
	ErrPortInUse = api.ErrPortInUse
	// ErrPermission: the operating system denies the operation.
	ErrPermission = api.ErrPermission
	// ErrCorrupt: a file of the container or the network in the store is damaged. Remove it.
	ErrCorrupt = api.ErrCorrupt
	// ErrUnsupported: the host does not offer what is needed; the message says what.
	ErrUnsupported = api.ErrUnsupported
	// ErrAgentGone: the agent process has died, and with it the containers that were not detached. Open the store again.
	ErrAgentGone = api.ErrAgentGone
)

// ExitError says that a command in a container ended with an exit code other than 0. Its State has the code, or the
// signal.
type ExitError struct {
	State
	// Stderr has the last 32 KiB that the command wrote to standard error, when Output collected it.
	Stderr []byte
}

// Error is "exit status 3", "signal: SIGKILL" or "killed: out of memory".
func (e *ExitError) Error() string {
	switch {
	case e.OOMKilled:
		return "killed: out of memory"
	case e.Signal != "":
		return "signal: " + e.Signal
	}
	return fmt.Sprintf("exit status %d", e.ExitCode)
}
