package container_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/caisson-dev/caisson/container"
	"github.com/caisson-dev/caisson/internal/testenv"
)

// TestExecCancelledAtAnyMoment: a command whose caller goes while it starts is killed and reaped. Its container could
// not end otherwise: the first process of a pid namespace waits for all others.
func TestExecCancelledAtAnyMoment(t *testing.T) {
	t.Parallel()
	testenv.Slow(t)
	e := newEngine(t)
	c := start(t, e, container.Options{Cmd: []string{"sleep", "1h"}, Network: container.NetworkNone})
	for i := range 60 {
		ctx, cancel := context.WithTimeout(t.Context(), time.Duration(i)*500*time.Microsecond)
		err := c.Command("/bin/testbox", "sleep", "1h").Run(ctx)
		cancel()
		require.ErrorIs(t, err, context.DeadlineExceeded)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	require.NoError(t, c.Remove(ctx, container.RemoveOptions{Force: true}))
}
