//go:build linux

package container_test

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/caisson-dev/caisson/container"
	"github.com/caisson-dev/caisson/internal/agenttest"
	"github.com/caisson-dev/caisson/internal/api"
)

func TestClientWaitRemoved(t *testing.T) {
	t.Parallel()
	a, _, c := played(t)
	a.Handle(api.ContainerInspect, agenttest.Fail(api.Errorf(api.ErrNotFound, "no such container")))
	require.NoError(t, c.WaitRemoved(t.Context()))
	a.Handle(api.ContainerInspect, agenttest.Answer(info))
	a.Handle(api.Events, agenttest.Then(agenttest.Events(agenttest.Progress(container.Event{Action: container.EventDestroy})), agenttest.Hang()))
	require.NoError(t, c.WaitRemoved(t.Context()))
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	a.Handle(api.Events, agenttest.Then(func(http.ResponseWriter, *http.Request, json.RawMessage, io.Reader) { cancel() }, agenttest.Hang()))
	require.ErrorIs(t, c.WaitRemoved(ctx), context.Canceled)
}

// A container is held until it is let go of, whatever becomes of the context that Hold was called with.
func TestClientHold(t *testing.T) {
	t.Parallel()
	a, _, c := played(t)
	gone := make(chan struct{})
	a.Handle(api.ContainerHold, agenttest.Then(agenttest.Raw(200, ""), func(_ http.ResponseWriter, r *http.Request, _ json.RawMessage, _ io.Reader) {
		<-r.Context().Done()
		close(gone)
	}))
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	release, err := c.Hold(ctx)
	require.NoError(t, err)
	cancel()
	a.Handle(api.ContainerPause, ok)
	require.NoError(t, c.Pause(t.Context()))
	select {
	case <-gone:
		t.Fatal("the end of the context let go")
	default:
	}
	release()
	<-gone
}
