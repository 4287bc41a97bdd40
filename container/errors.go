package container

import (
	"fmt"

	"github.com/caisson-dev/caisson/internal/api"
)

// Errors that callers match with errors.Is. The messages that come with them name the subject and the remedy.
var (
	// ErrNotFound: no container of that name or id; or its image is not there and may not be pulled.
	ErrNotFound = api.ErrNotFound
	// ErrAmbiguous: an id prefix fits several containers.
	ErrAmbiguous = api.ErrAmbiguous
	// ErrInvalidArgument: an option has a value that it can't have; the message names the field.
	ErrInvalidArgument = api.ErrInvalidArgument
	// ErrNameInUse: another container has the name.
	ErrNameInUse = api.ErrNameInUse
	// ErrRunning: the operation wants a container that does not run.
	ErrRunning = api.ErrRunning
	// ErrNotRunning: the operation wants a running container.
	ErrNotRunning = api.ErrNotRunning
	// ErrPaused: the operation wants a container that is not paused.
	ErrPaused = api.ErrPaused
	// ErrNotPaused: the operation wants a paused container.
	ErrNotPaused = api.ErrNotPaused
	// ErrInUse: a container uses the volume that was to be removed; the message names it.
	ErrInUse = api.ErrInUse
	// ErrUnhealthy: the container's health checks fail.
	ErrUnhealthy = api.ErrUnhealthy
	// ErrCommandNotFound: the command is not in the container. Docker's exit code for it is 127.
	ErrCommandNotFound = api.ErrCommandNotFound
	// ErrNotExecutable: the command is there and can't be executed. Docker's exit code for it is 126.
	ErrNotExecutable = api.ErrNotExecutable
	// ErrPortInUse: a port that was to be published is taken.
	ErrPortInUse = api.ErrPortInUse
	// ErrPermission: the operating system refuses.
	ErrPermission = api.ErrPermission
	// ErrUnsupported: the host lacks what is needed; the message says what.
	ErrUnsupported = api.ErrUnsupported
	// ErrAgentGone: the agent process died, and the containers that were not detached with it.
	ErrAgentGone = api.ErrAgentGone
)

// ExitError says that a command in a container ended with another code than 0.
type ExitError struct {
	State
	// Stderr holds the end of what the command wrote there, when Output collected it.
	Stderr []byte
}

func (e *ExitError) Error() string {
	switch {
	case e.OOMKilled:
		return "killed: out of memory"
	case e.Signal != "":
		return "signal: " + e.Signal
	}
	return fmt.Sprintf("exit status %d", e.ExitCode)
}
