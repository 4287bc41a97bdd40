package transfer

import (
	"errors"
	"fmt"
	"io"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/caisson-dev/caisson/internal/api"
)

// TestConnectionError: what ends early on its way from a registry is tried again, and is then the registry's fault; what is
// found broken is not.
func TestConnectionError(t *testing.T) {
	cut := fmt.Errorf("(heuristic tuning data: total 1000 @1103.061 ms, last retry 1000 @1.1 ms, last progress @ 1102.9 ms): %w", io.ErrUnexpectedEOF)
	err := connectionError(fmt.Errorf("configuration: %w", cut))
	assert.True(t, transient(err))
	explained := Explain(t.Context(), "pull x", err)
	require.ErrorIs(t, explained, api.ErrUnreachable)
	assert.EqualError(t, explained, "pull x: configuration: unexpected EOF: the connection broke in every attempt: try again later")

	for _, err := range []error{
		nil, errors.New("strange"), api.Errorf(api.ErrCorrupt, "the layer was made incomplete: %w", io.ErrUnexpectedEOF), err,
	} {
		assert.Equal(t, err, connectionError(err))
	}
	reset := (&stream{n: 10, size: 20, broke: errors.New("stream error: stream ID 3; INTERNAL_ERROR; received from peer")}).broken()
	assert.True(t, transient(reset))
	explained = Explain(t.Context(), "pull x", fmt.Errorf("layer y: %w", reset))
	require.ErrorIs(t, explained, api.ErrUnreachable)
	assert.ErrorContains(t, explained, "layer y: the connection broke after 10 of 20 bytes: stream error")
}
