package container

import (
	"context"
	"time"

	"github.com/caisson-dev/caisson/image"
	"github.com/caisson-dev/caisson/internal/api"
	"github.com/caisson-dev/caisson/internal/client"
)

// Container is a handle on a container. It is valid until the container is removed, by this process or another. All
// methods are safe for concurrent use.
type Container struct {
	c    *client.Client
	id   string
	name string
}

// ID returns the id of the container: 64 hexadecimal digits.
func (c *Container) ID() string { return c.id }

// Name returns the name that the container had when the handle was made.
func (c *Container) Name() string { return c.name }

// Status is where a container is in its life.
type Status string

// The statuses of a container, named as Docker names them.
const (
	StatusCreated    Status = "created"
	StatusRunning    Status = "running"
	StatusPaused     Status = "paused"
	StatusRestarting Status = "restarting" // it has ended, and its restart policy starts it again in a moment
	StatusRemoving   Status = "removing"
	StatusExited     Status = "exited"
	// StatusDamaged: a file of the container in the store can't be read. State.Error names it. The container can be
	// removed; nothing else works.
	StatusDamaged Status = "damaged"
)

// State says where a container is in its life, and how its last run ended.
type State struct {
	Status Status `json:"status"`
	// ExitCode is 128 + the signal's number when a signal ended the process, like in a shell. It is 0 while the process runs.
	ExitCode int `json:"exitCode"`
	// Signal is the name of the signal that ended the process, such as SIGKILL; empty when the process exited.
	Signal string `json:"signal,omitempty"`
	// OOMKilled: the kernel killed a process of the container because its memory limit was reached.
	OOMKilled bool `json:"oomKilled,omitempty"`
	// Error is why the container could not be started, or was ended from outside.
	Error string `json:"error,omitempty"`
	// LogLost is how many bytes of the last run's output are not in the log because it could not be written, on a full disk for
	// example. While the container runs it counts the first that were lost. What comes once there is room is in the log again.
	LogLost int64 `json:"logLost,omitempty"`
	// Started and Finished are of the present or the last run; zero when there is none yet.
	Started  time.Time `json:"started,omitzero"`
	Finished time.Time `json:"finished,omitzero"`
}

// Info describes a container.
type Info struct {
	ID      string    `json:"id"`
	Name    string    `json:"name"`
	Image   string    `json:"image"`   // as Options.Image had it
	ImageID string    `json:"imageID"` // "sha256:" and 64 hexadecimal digits
	Created time.Time `json:"created"`
	State   State     `json:"state"`
	PID     int       `json:"pid,omitempty"` // of its first process, on the host; 0 when it does not run
	Command []string  `json:"command"`       // entrypoint and command, as they are executed
	Options Options   `json:"options"`
	// Config is the configuration that the image had when the container was made.
	Config image.Config `json:"config"`
	// Labels are those of the image, and over them those of Options. Lists and prunes look at these.
	Labels   map[string]string `json:"labels,omitempty"`
	Mounts   []Mount           `json:"mounts,omitempty"`   // those of Options, and the volumes of the image
	Networks []EndpointInfo    `json:"networks,omitempty"` // empty while it does not run
	Ports    []PortBinding     `json:"ports,omitempty"`    // empty while it does not run
	RootFS   string            `json:"rootFS,omitempty"`   // where the agent sees the root file system; empty while it does not run
	LogPath  string            `json:"logPath,omitempty"`
	// Health is what the health checks found. It is nil for a container without a health check.
	Health *Health `json:"health,omitempty"`
	// Restarts is how often the restart policy has started the process since the last Start.
	Restarts int `json:"restarts,omitempty"`
}

// Inspect describes the container as it is now.
//
// Errors: ErrNotFound when the container is not there.
func (c *Container) Inspect(ctx context.Context) (*Info, error) {
	var info Info
	if err := c.c.Do(ctx, api.ContainerInspect.Of(c.id), nil, &info); err != nil {
		return nil, err
	}
	return &info, nil
}
