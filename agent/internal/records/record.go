//go:build linux

package records

import (
	"maps"
	"time"

	"github.com/caisson-dev/caisson/agent/internal/spec"
	"github.com/caisson-dev/caisson/container"
)

// Record is what a container is, from its creation on: config.json in its directory.
type Record struct {
	spec.Container
	Name    string    `json:"name"`
	ImageID string    `json:"imageID"`
	Created time.Time `json:"created"`
	Volumes []string  `json:"volumes,omitempty"` // anonymous ones, which go with it
	// ImageLabels are those that the image had when the container was made.
	ImageLabels map[string]string `json:"imageLabels,omitempty"`
}

// Labels are those of the image, and over them the container's own.
func (r *Record) Labels() map[string]string {
	if len(r.ImageLabels) == 0 {
		return r.Options.Labels
	}
	out := maps.Clone(r.ImageLabels)
	maps.Copy(out, r.Options.Labels)
	return out
}

// State is what becomes of it: state.json in its directory.
type State struct {
	State    container.State   `json:"state"`
	Pid      int               `json:"pid,omitempty"`
	Manager  string            `json:"manager,omitempty"` // the socket of the agent that has it
	RootFS   string            `json:"rootFS,omitempty"`
	Health   *container.Health `json:"health,omitempty"`
	Restarts int               `json:"restarts,omitempty"`
	Durable  bool              `json:"durable,omitempty"` // as Record.Durable; SaveState sets it

	Networks []container.EndpointInfo `json:"networks,omitempty"`
	Ports    []container.PortBinding  `json:"ports,omitempty"`
}

// Durable says whether the container must survive a crash of the machine. One that is not detached goes with its owner.
func (r *Record) Durable() bool { return r.Options.Detach }

// Ended is the state after a run that ended so.
func (st *State) Ended(how container.State) {
	st.State, st.Pid, st.RootFS, st.Networks, st.Ports = how, 0, "", nil, nil
}
