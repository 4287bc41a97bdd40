//go:build linux

package network

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/caisson-dev/caisson/agent/internal/network/share"
)

func TestPortsIn(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]int{
		"32768\t60999\n": 28232, "1024 65535": 64512, "7 7": 1, "9 8": usualPorts, "": usualPorts, "x": usualPorts,
	} {
		assert.Equal(t, want, portsIn(text), "%q", text)
	}
}

func TestCapacity(t *testing.T) {
	t.Parallel()
	size, err := capacity()
	require.NoError(t, err)
	for kind, n := range size {
		assert.Positive(t, n, "%d", kind)
	}
	assert.GreaterOrEqual(t, size[share.Descriptors], size[share.Flows])
}
