//go:build linux

package containers

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/caisson-dev/caisson/agent/internal/spec"
	"github.com/caisson-dev/caisson/container"
	"github.com/caisson-dev/caisson/internal/api"
	"github.com/caisson-dev/caisson/internal/atomicfile"
)

// Record is what a container is, from its creation on: config.json in its directory.
type Record struct {
	spec.Container
	Name    string    `json:"name"`
	ImageID string    `json:"imageID"`
	Created time.Time `json:"created"`
	Volumes []string  `json:"volumes,omitempty"` // anonymous ones, which go with it
}

// State is what becomes of it: state.json in its directory.
type State struct {
	State    container.State   `json:"state"`
	Pid      int               `json:"pid,omitempty"`
	Manager  string            `json:"manager,omitempty"` // the socket of the agent that has it
	RootFS   string            `json:"rootFS,omitempty"`
	Health   *container.Health `json:"health,omitempty"`
	Restarts int               `json:"restarts,omitempty"`

	Networks []container.EndpointInfo `json:"networks,omitempty"`
	Ports    []container.PortBinding  `json:"ports,omitempty"`
}

func (s *Service) dir(id string) string     { return filepath.Join(s.layout.Containers(), id) }
func (s *Service) logPath(id string) string { return filepath.Join(s.dir(id), "log") }
func (s *Service) lockPath(id string) string {
	return filepath.Join(s.dir(id), "lock")
}

func (s *Service) loadRecord(id string) (*Record, error) {
	var r Record
	return &r, s.load(id, "config.json", &r)
}

func (s *Service) loadState(id string) (*State, error) {
	var st State
	return &st, s.load(id, "state.json", &st)
}

func (s *Service) load(id, name string, v any) error {
	b, err := os.ReadFile(filepath.Join(s.dir(id), name))
	if errors.Is(err, fs.ErrNotExist) || err == nil && len(b) == 0 { // empty: not durable, and the machine crashed
		return notFound(id)
	}
	if err != nil {
		return err
	}
	if err := json.Unmarshal(b, v); err != nil {
		return fmt.Errorf("container %s: %s: %w", id, name, err)
	}
	return nil
}

// durable says whether the container must survive a crash of the machine. One that is not detached goes with its owner.
func (r *Record) durable() bool { return r.Options.Detach }

// save replaces a file of the container's directory at once: readers of other agents see the old or the new one.
func (s *Service) save(rec *Record, name string, v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return err
	}
	return atomicfile.Write(filepath.Join(s.dir(rec.ID), name), b, atomicfile.Options{Sync: rec.durable()})
}

func notFound(ref string) error {
	return api.Errorf(api.ErrNotFound, "container %s: no such container", ref)
}
