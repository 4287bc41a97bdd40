//go:build linux

package eventlog

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/caisson-dev/caisson/container"
)

func TestWanted(t *testing.T) {
	t.Parallel()
	start := container.Event{Type: container.EventContainer, Action: container.EventStart, ID: "0123abc", Name: "web"}
	volume := container.Event{Type: container.EventVolume, Action: container.EventCreate, ID: "web"}
	for _, c := range []struct {
		opts          container.EventsOptions
		start, volume bool
	}{
		{container.EventsOptions{}, true, true},
		{container.EventsOptions{Types: []container.EventType{container.EventContainer}}, true, false},
		{container.EventsOptions{Actions: []container.EventAction{container.EventCreate, container.EventDie}}, false, true},
		{container.EventsOptions{Container: "web"}, true, false},
		{container.EventsOptions{Container: "0123"}, true, false},
		{container.EventsOptions{Container: "we"}, false, false},
		{container.EventsOptions{Container: "web", Actions: []container.EventAction{container.EventDie}}, false, false},
	} {
		assert.Equal(t, c.start, wanted(c.opts, start), "%+v", c.opts)
		assert.Equal(t, c.volume, wanted(c.opts, volume), "%+v", c.opts)
	}
}
