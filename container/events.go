package container

import (
	"context"
	"encoding/json"
	"errors"
	"iter"
	"time"

	"github.com/caisson-dev/caisson/internal/api"
)

// Event is something that happened to a container, an image, a volume or a network of the store, in whichever process.
type Event struct {
	Time time.Time `json:"time"`
	Type EventType `json:"type"`
	// Action is what happened: one of the constants of type EventAction.
	Action EventAction `json:"action"`
	// ID is the id of the container or the image, or the name of the volume or the network.
	ID string `json:"id"`
	// Name is the name of the container, or the name by which the image was used.
	Name string `json:"name,omitempty"`
	// Image is the image of a container, as Options.Image had it.
	Image string `json:"image,omitempty"`
	// Attributes say more, by name:
	//
	//   - exitCode and signal, of EventDie and EventExecDie
	//   - execID and command, of EventExecCreate, EventExec and EventExecDie
	//   - signal, of EventKill
	//   - oldName, of EventRename
	//   - health, of EventHealth
	//   - image and name, of EventCommit
	//   - container, of EventConnect, EventDisconnect, EventMount and EventUnmount
	//   - destination and read/write, of EventMount
	Attributes map[string]string `json:"attributes,omitempty"`
	// Labels are those of the container or the volume.
	Labels map[string]string `json:"labels,omitempty"`
}

// EventType says what an event is about.
type EventType string

// The types of events.
const (
	EventContainer EventType = "container"
	EventImage     EventType = "image"
	EventVolume    EventType = "volume"
	EventNetwork   EventType = "network"
)

// EventAction says what happened. The names are Docker's.
type EventAction string

// The actions on containers. Volumes and networks have create and destroy too.
const (
	EventCreate  EventAction = "create"
	EventStart   EventAction = "start"
	EventDie     EventAction = "die" // the process ended
	EventOOM     EventAction = "oom" // the kernel has killed a process because of the memory limit; EventDie follows
	EventKill    EventAction = "kill"
	EventStop    EventAction = "stop" // Stop has ended the container; EventDie came before
	EventRestart EventAction = "restart"
	EventPause   EventAction = "pause"
	EventResume  EventAction = "unpause"
	EventRename  EventAction = "rename"
	EventUpdate  EventAction = "update"
	EventCommit  EventAction = "commit"
	EventExport  EventAction = "export"
	EventHealth  EventAction = "health_status"
	EventAttach  EventAction = "attach"
	EventExec    EventAction = "exec_start" // a Cmd runs; health checks have no events
	EventExecDie EventAction = "exec_die"
	// EventExecCreate comes just before EventExec, with the same attributes.
	EventExecCreate EventAction = "exec_create"
	EventDestroy    EventAction = "destroy"
)

// The actions on images. A build ends with a tag for each name.
const (
	EventPull   EventAction = "pull" // only if the registry was asked
	EventPush   EventAction = "push"
	EventLoad   EventAction = "load"
	EventImport EventAction = "import"
	EventSave   EventAction = "save"
	EventTag    EventAction = "tag"
	EventUntag  EventAction = "untag"
	EventDelete EventAction = "delete"
)

// The actions on networks: a container joins it or leaves it, by Connect and Disconnect, or because its process started
// or ended.
const (
	EventConnect    EventAction = "connect"
	EventDisconnect EventAction = "disconnect"
)

// The actions on volumes: the process of a container that mounts it started or ended.
const (
	EventMount   EventAction = "mount"
	EventUnmount EventAction = "unmount"
)

// EventsOptions choose events. The zero value chooses all that happens from now on, without end.
type EventsOptions struct {
	// Since begins with past events. The store keeps some thousands. Default: now.
	Since time.Time `json:"since,omitzero"`
	// Until ends the stream at that time. A time in the past ends it after the past events. Default: no end.
	Until time.Time `json:"until,omitzero"`
	// Container limits the events to one container: its id, a prefix of the id, or the name that it had at the time.
	// Default: all.
	Container string `json:"container,omitempty"`
	// Types and Actions limit the events to these. Default: all.
	Types   []EventType   `json:"types,omitempty"`
	Actions []EventAction `json:"actions,omitempty"`
}

// Events returns what happens in the store, in all processes, in its order. It ends when ctx ends, or at Until. It
// begins when the loop asks for the first event: what happened before is missed, unless Since is set. An error comes
// last.
//
// Errors: those that every function has.
func (e *Engine) Events(ctx context.Context, opts EventsOptions) iter.Seq2[Event, error] {
	return func(yield func(Event, error) bool) {
		enough := errors.New("the caller has enough")
		err := e.c.Stream(ctx, api.Events, opts, nil, func(ev api.Event) error {
			var out Event
			if err := json.Unmarshal(ev.Progress, &out); err != nil {
				return err
			}
			if !yield(out, nil) {
				return enough
			}
			return nil
		}, nil)
		if err != nil && !errors.Is(err, enough) {
			yield(Event{}, err)
		}
	}
}
