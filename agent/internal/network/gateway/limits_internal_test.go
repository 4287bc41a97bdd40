//go:build linux

package gateway

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/caisson-dev/caisson/agent/internal/network/relay"
)

func TestIdleLimit(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		answered bool
		used     time.Duration
		want     time.Duration
	}{
		{false, 0, udpAskIdle},
		{false, time.Hour, udpAskIdle}, // a flood, or somebody who only sends
		{true, 0, udpAskIdle},          // a question and its answer
		{true, udpStream, udpAskIdle},
		{true, udpStream + 1, udpIdle},
	} {
		assert.Equal(t, c.want, idleLimit(c.answered, c.used), "%+v", c)
	}
}

// TestBufferSizes: what a container can fill with connections that it does not read from grows slower than their number.
func TestBufferSizes(t *testing.T) {
	t.Parallel()
	for held, want := range map[int]sizes{
		1: {0, relay.Large}, 16: {0, relay.Large}, 17: {256 << 10, relay.Medium}, 256: {256 << 10, relay.Medium},
		257: {32 << 10, relay.Small}, 1 << 20: {32 << 10, relay.Small},
	} {
		assert.Equal(t, want, bufferSizes(held), "%d", held)
	}
}
