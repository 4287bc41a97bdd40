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
	// Action is what happened: one of the Event… constants.
	Action EventAction `json:"action"`
	// ID is the container's or the image's id, or the volume's or the network's name.
	ID string `json:"id"`
	// Name is the container's, or that of the image's names which it happened by.
	Name string `json:"name,omitempty"`
	// Image is what a container was made of, as it was given.
	Image string `json:"image,omitempty"`
	// Attributes say more: exitCode and signal of EventDie and EventExecDie, execID and command of EventExec and
	// EventExecDie, signal of EventKill, oldName of EventRename, health of EventHealth, image and name of EventCommit,
	// container of EventConnect and EventDisconnect.
	Attributes map[string]string `json:"attributes,omitempty"`
	// Labels are the container's or the volume's.
	Labels map[string]string `json:"labels,omitempty"`
}

// EventType is what an event is about.
type EventType string

// The types of events.
const (
	EventContainer EventType = "container"
	EventImage     EventType = "image"
	EventVolume    EventType = "volume"
	EventNetwork   EventType = "network"
)

// EventAction is what happened, named as Docker names it.
type EventAction string

// The actions on containers. Volumes and networks have create and destroy too.
const (
	EventCreate  EventAction = "create"
	EventStart   EventAction = "start"
	EventDie     EventAction = "die" // the process ended
	EventOOM     EventAction = "oom" // before EventDie: the kernel had killed for lack of memory
	EventKill    EventAction = "kill"
	EventStop    EventAction = "stop" // after EventDie, by Stop
	EventRestart EventAction = "restart"
	EventPause   EventAction = "pause"
	EventResume  EventAction = "unpause"
	EventRename  EventAction = "rename"
	EventUpdate  EventAction = "update"
	EventCommit  EventAction = "commit"
	EventExport  EventAction = "export"
	EventHealth  EventAction = "health_status"
	EventExec    EventAction = "exec_start" // a Cmd runs; health checks are not told of
	EventExecDie EventAction = "exec_die"
	EventDestroy EventAction = "destroy"
)

// The actions on images. A build ends with a tag for each name.
const (
	EventPull   EventAction = "pull" // when something was asked of the registry
	EventPush   EventAction = "push"
	EventLoad   EventAction = "load"
	EventImport EventAction = "import"
	EventSave   EventAction = "save"
	EventTag    EventAction = "tag"
	EventUntag  EventAction = "untag"
	EventDelete EventAction = "delete"
)

// The actions on networks, of Connect and Disconnect.
const (
	EventConnect    EventAction = "connect"
	EventDisconnect EventAction = "disconnect"
)

// EventsOptions choose events. The zero value is all that happens from now on, without end.
type EventsOptions struct {
	// Since begins with events that the store still knows, some thousands. Default: now.
	Since time.Time `json:"since,omitzero"`
	// Until ends the stream at that time; one in the past ends it when all is told. Default: no end.
	Until time.Time `json:"until,omitzero"`
	// Container limits to one container, by its id, a prefix of that, or its name at the time of the event.
	Container string `json:"container,omitempty"`
	// Types and Actions limit to these. Default: all.
	Types   []EventType   `json:"types,omitempty"`
	Actions []EventAction `json:"actions,omitempty"`
}

// Events returns what happens in the store, of all processes, in its order. It ends with ctx, whose error then comes
// last, or at Until. Events that happen before the first one is asked for are missed, unless Since says otherwise.
//
// Errors: context.Canceled and context.DeadlineExceeded; ErrAgentGone.
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
