package container

import (
	"context"
	"time"

	"github.com/caisson-dev/caisson/internal/api"
	"github.com/caisson-dev/caisson/internal/client"
)

// Container is a handle on a container. It stays valid until the container is removed, from whichever process.
// All methods are safe for concurrent use.
type Container struct {
	c    *client.Client
	id   string
	name string
}

// ID is the container's id: 64 hexadecimal digits.
func (c *Container) ID() string { return c.id }

// Name is the container's name when the handle was made.
func (c *Container) Name() string { return c.name }

// State is where a container is in its life.
type State string

// The states, named as Docker names them.
const (
	StateCreated    State = "created"
	StateRunning    State = "running"
	StatePaused     State = "paused"
	StateRestarting State = "restarting" // it has ended, and its restart policy starts it again in a moment
	StateRemoving   State = "removing"
	StateExited     State = "exited"
)

// Info describes a container.
type Info struct {
	ID       string         `json:"id"`
	Name     string         `json:"name"`
	Image    string         `json:"image"`   // as it was given
	ImageID  string         `json:"imageID"` // "sha256:…"
	Created  time.Time      `json:"created"`
	State    State          `json:"state"`
	Pid      int            `json:"pid,omitempty"` // of its init, on the host; 0 when it does not run
	Status   Status         `json:"status"`        // of the last run
	Command  []string       `json:"command"`       // entrypoint and command, as they are executed
	Options  Options        `json:"options"`
	Mounts   []Mount        `json:"mounts,omitempty"`   // with the image's volumes
	Networks []EndpointInfo `json:"networks,omitempty"` // that it is on while it runs
	Ports    []PortBinding  `json:"ports,omitempty"`    // that are published while it runs
	RootFS   string         `json:"rootFS,omitempty"`   // where the agent has it mounted while it runs
	LogPath  string         `json:"logPath,omitempty"`
	// Health is nil without a health check.
	Health *HealthInfo `json:"health,omitempty"`
	// Restarts is how often the restart policy has started the process again since the last Start.
	Restarts int `json:"restarts,omitempty"`
}

// Inspect describes the container as it is now.
//
// Errors: ErrNotFound.
func (c *Container) Inspect(ctx context.Context) (*Info, error) {
	var info Info
	if err := c.c.Do(ctx, api.ContainerInspect.Of(c.id), nil, &info); err != nil {
		return nil, err
	}
	return &info, nil
}
