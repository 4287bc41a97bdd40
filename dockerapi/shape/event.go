package shape

import (
	"maps"
	"strconv"
	"strings"

	"github.com/moby/moby/api/types/events"
	"golang.org/x/sys/unix"

	"github.com/caisson-dev/caisson/container"
)

// Event is an event as docker events shows it, with the fields of old for containers and images.
type Event struct {
	Status string `json:"status,omitempty"`
	ID     string `json:"id,omitempty"`
	From   string `json:"from,omitempty"`
	events.Message
}

// EventOf describes an event. networkID finds the id of a network by its name.
func EventOf(e container.Event, networkID func(name string) string) Event {
	attributes := map[string]string{}
	maps.Copy(attributes, e.Labels)
	maps.Copy(attributes, e.Attributes)
	action, id := actionOf(e, attributes), e.ID
	image, name := Familiar(e.Image), e.Name
	if e.Type == container.EventImage {
		name = Familiar(name)
	}
	for k, v := range map[string]string{"name": name, "image": image} {
		if v != "" {
			attributes[k] = v
		}
	}
	switch e.Type {
	case container.EventNetwork:
		attributes["name"], attributes["type"] = e.ID, "bridge"
		id = networkID(e.ID)
	case container.EventVolume:
		attributes["driver"] = "local"
	}
	out := Event{Message: events.Message{
		Type: events.Type(e.Type), Action: events.Action(action), Actor: events.Actor{ID: id, Attributes: attributes}, Scope: "local",
		Time: e.Time.Unix(), TimeNano: e.Time.UnixNano(),
	}}
	if e.Type == container.EventContainer || e.Type == container.EventImage {
		out.Status, out.ID, out.From = action, id, image
	}
	return out
}

// actionOf is an action as Docker writes it, with what belongs to it taken out of the attributes or changed there.
func actionOf(e container.Event, attributes map[string]string) string {
	action := string(e.Action)
	if command, ok := attributes["command"]; ok { // which Docker tells with the beginning alone
		delete(attributes, "command")
		if e.Action == container.EventExec || e.Action == container.EventExecCreate {
			action += ": " + command
		}
	}
	switch e.Action {
	case container.EventCommit: // whose name is the image's to the library
		attributes["imageRef"] = Familiar(attributes["name"])
	case container.EventHealth:
		action += ": " + attributes["health"]
		delete(attributes, "health")
	case container.EventRename:
		attributes["oldName"] = "/" + attributes["oldName"]
	case container.EventKill:
		if n := unix.SignalNum("SIG" + strings.TrimPrefix(strings.ToUpper(attributes["signal"]), "SIG")); n != 0 {
			attributes["signal"] = strconv.Itoa(int(n))
		}
	case container.EventExecCreate, container.EventExec, container.EventExecDie:
	}
	return action
}
