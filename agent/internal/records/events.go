//go:build linux

package records

import (
	"strconv"

	"github.com/caisson-dev/caisson/container"
)

// Event is what happened to the container. attrs are pairs of keys and values.
func (r *Record) Event(action container.EventAction, attrs ...string) container.Event {
	e := container.Event{
		Type: container.EventContainer, Action: action, ID: r.ID, Name: r.Name, Image: r.Options.Image, Labels: r.Labels(),
	}
	for i := 0; i+1 < len(attrs); i += 2 {
		if e.Attributes == nil {
			e.Attributes = map[string]string{}
		}
		e.Attributes[attrs[i]] = attrs[i+1]
	}
	return e
}

// NetworkEvent is of a network, and of the container that joins or leaves it, if id is not empty.
func NetworkEvent(action container.EventAction, name, id string) container.Event {
	e := container.Event{Type: container.EventNetwork, Action: action, ID: name}
	if id != "" {
		e.Attributes = map[string]string{"container": id}
	}
	return e
}

// Began tells of what the container joins and mounts, and that it runs.
func (r *Record) Began() []container.Event {
	out := r.eachPlace(container.EventConnect, container.EventMount, func(m container.Mount) map[string]string {
		return map[string]string{"container": r.ID, "destination": m.Target, "read/write": strconv.FormatBool(!m.ReadOnly)}
	})
	return append(out, r.Event(container.EventStart))
}

// Ended tells how a run ended.
func (r *Record) Ended(st container.State) (out []container.Event) {
	if st.OOMKilled {
		out = append(out, r.Event(container.EventOOM))
	}
	return append(out, r.Event(container.EventDie, StateAttrs(st)...))
}

// Left tells of what a container that ran has left.
func (r *Record) Left() []container.Event {
	return r.eachPlace(container.EventDisconnect, container.EventUnmount, func(container.Mount) map[string]string {
		return map[string]string{"container": r.ID}
	})
}

// eachPlace has an event for each network that the container has of its own, and one for each volume.
func (r *Record) eachPlace(network, volume container.EventAction, of func(container.Mount) map[string]string) (out []container.Event) {
	for _, ep := range Endpoints(&r.Options) {
		out = append(out, NetworkEvent(network, ep.Network, r.ID))
	}
	for _, m := range r.Mounts {
		if m.Type == container.MountVolume {
			out = append(out, container.Event{Type: container.EventVolume, Action: volume, ID: m.Source, Attributes: of(m)})
		}
	}
	return out
}

// StateAttrs are the attributes of an end.
func StateAttrs(st container.State) []string {
	attrs := []string{"exitCode", strconv.Itoa(st.ExitCode)}
	if st.Signal != "" {
		attrs = append(attrs, "signal", st.Signal)
	}
	return attrs
}

// Endpoints are the networks that a container of these options has of its own.
func Endpoints(o *container.Options) []container.Endpoint {
	switch {
	case len(o.Networking.Endpoints) > 0:
		return o.Networking.Endpoints
	case o.Network == "":
		return []container.Endpoint{{Network: string(container.NetworkDefault)}}
	}
	return nil
}
