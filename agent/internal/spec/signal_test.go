package spec_test

import (
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/caisson-dev/caisson/agent/internal/spec"
	"github.com/caisson-dev/caisson/internal/api"
)

func TestSignals(t *testing.T) {
	for text, want := range map[string]syscall.Signal{
		"SIGTERM": 15, "term": 15, "15": 15, "SIGKILL": 9, "SIGSYS": 31, "HUP": 1, "SIGIOT": 6, "SIGPOLL": 29, "SIGCLD": 17,
		"SIGRTMIN": 34, "SIGRTMIN+3": 37, "rtmin+30": 64, "64": 64,
	} {
		got, err := spec.ParseSignal(text)
		require.NoError(t, err, text)
		assert.Equal(t, want, got, text)
	}
	for _, text := range []string{"", "0", "-1", "65", "SIGWHAT", "SIGRTMIN+31", "SIGRTMIN-1", "SIGRTMINx", "SIG", "SIG0"} {
		_, err := spec.ParseSignal(text)
		require.ErrorIs(t, err, api.ErrInvalidArgument, text)
	}
	assert.Equal(t, "SIGTERM", spec.SignalName(15))
	assert.Equal(t, "37", spec.SignalName(37))
	assert.Equal(t, "0", spec.SignalName(0))
}
