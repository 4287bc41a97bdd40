//go:build linux

package records_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/caisson-dev/caisson/agent/internal/records"
	"github.com/caisson-dev/caisson/container"
)

// TestEventsOfARun: networks and volumes are told of before the start and after the end, each with the container.
func TestEventsOfARun(t *testing.T) {
	t.Parallel()
	r := &records.Record{Name: "web", ImageLabels: map[string]string{"a": "1", "b": "2"}}
	r.ID, r.Options.Image, r.Options.Labels = "id", "app", map[string]string{"b": "3"}
	r.Options.Networking.Endpoints = []container.Endpoint{{Network: "one"}, {Network: "two"}}
	r.Mounts = []container.Mount{{Type: container.MountVolume, Source: "data", Target: "/d", ReadOnly: true}, {Type: container.MountBind, Source: "/x", Target: "/x"}}
	labels := map[string]string{"a": "1", "b": "3"}
	own := func(a container.EventAction, attrs map[string]string) container.Event {
		return container.Event{Type: container.EventContainer, Action: a, ID: "id", Name: "web", Image: "app", Labels: labels, Attributes: attrs}
	}
	of := map[string]string{"container": "id"}
	assert.Equal(t, []container.Event{
		{Type: container.EventNetwork, Action: container.EventConnect, ID: "one", Attributes: of},
		{Type: container.EventNetwork, Action: container.EventConnect, ID: "two", Attributes: of},
		{Type: container.EventVolume, Action: container.EventMount, ID: "data", Attributes: map[string]string{"container": "id", "destination": "/d", "read/write": "false"}},
		own(container.EventStart, nil),
	}, r.Began())
	assert.Equal(t, []container.Event{
		own(container.EventOOM, nil), own(container.EventDie, map[string]string{"exitCode": "137", "signal": "SIGKILL"}),
	}, r.Ended(container.State{ExitCode: 137, Signal: "SIGKILL", OOMKilled: true}))
	assert.Equal(t, []container.Event{own(container.EventDie, map[string]string{"exitCode": "0"})}, r.Ended(container.State{}))
	assert.Equal(t, []container.Event{
		{Type: container.EventNetwork, Action: container.EventDisconnect, ID: "one", Attributes: of},
		{Type: container.EventNetwork, Action: container.EventDisconnect, ID: "two", Attributes: of},
		{Type: container.EventVolume, Action: container.EventUnmount, ID: "data", Attributes: of},
	}, r.Left())
	host := &records.Record{}
	host.Options.Network = container.NetworkHost
	assert.Empty(t, host.Left(), "the host's network is not joined")
}
