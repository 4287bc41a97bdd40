//go:build linux

package container_test

import (
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"os"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/caisson-dev/caisson/container"
	"github.com/caisson-dev/caisson/internal/agenttest"
	"github.com/caisson-dev/caisson/internal/api"
)

// The agent gives a connection of the container's network away as a descriptor.
func TestClientDial(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		route api.Route
		call  func(ctx context.Context, c *container.Container) error
	}{
		"dial": {api.ContainerDial, func(ctx context.Context, c *container.Container) error {
			conn, err := c.Dial(ctx, "tcp", "127.0.0.1:80")
			if err == nil {
				conn.Close()
			}
			return err
		}},
		"listen": {api.ContainerListen, func(ctx context.Context, c *container.Container) error {
			l, err := c.Listen(ctx, "tcp", "127.0.0.1:80")
			if err == nil {
				l.Close()
			}
			return err
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a, _, cont := played(t)
			a.Handle(api.ContainerSocket, agenttest.Answer(a.Socket()))
			give := func(files ...*os.File) agenttest.Handler {
				return agenttest.Upgrade(func(c *agenttest.Conn) {
					if _, err := c.Buffered.ReadByte(); err != nil {
						return
					}
					var fds []int
					for _, f := range files {
						fds = append(fds, int(f.Fd()))
					}
					_, _, _ = c.Conn.(*net.UnixConn).WriteMsgUnix([]byte{1}, unix.UnixRights(fds...), nil)
				})
			}
			l, err := net.Listen("tcp", "127.0.0.1:0")
			require.NoError(t, err)
			defer l.Close()
			f, err := l.(*net.TCPListener).File()
			require.NoError(t, err)
			defer f.Close()
			if name == "dial" {
				conn, err := net.Dial("tcp", l.Addr().String())
				require.NoError(t, err)
				defer conn.Close()
				f, err = conn.(*net.TCPConn).File()
				require.NoError(t, err)
				defer f.Close()
			}
			a.Handle(c.route, give(f))
			require.NoError(t, c.call(t.Context(), cont))
			reqs := a.Requests()
			assert.JSONEq(t, `{"network": "tcp", "address": "127.0.0.1:80"}`, string(reqs[len(reqs)-1].In))

			a.Handle(c.route, give())
			require.ErrorContains(t, c.call(t.Context(), cont), "the agent sent no file")
			a.Handle(c.route, agenttest.Fail(api.Errorf(api.ErrNotFound, "no such host")))
			require.ErrorIs(t, c.call(t.Context(), cont), container.ErrNotFound)
			ctx, cancel := context.WithCancel(t.Context())
			a.Handle(c.route, agenttest.Then(func(http.ResponseWriter, *http.Request, json.RawMessage, io.Reader) { cancel() }, agenttest.Hang()))
			require.ErrorIs(t, c.call(ctx, cont), context.Canceled)
			a.Handle(c.route, func(http.ResponseWriter, *http.Request, json.RawMessage, io.Reader) { a.Die("signal: killed") })
			require.ErrorIs(t, c.call(t.Context(), cont), container.ErrAgentGone)
		})
	}
}

func TestClientAddr(t *testing.T) {
	t.Parallel()
	a, _, c := played(t)
	with := info
	with.Ports = []container.PortBinding{{Container: 80, Protocol: "tcp"}}
	a.Handle(api.ContainerInspect, agenttest.Answer(with))
	_, err := c.Addr(t.Context(), 80, "")
	require.NoError(t, err)
	_, err = c.Addr(t.Context(), 80, "udp")
	require.ErrorIs(t, err, container.ErrNotFound)
	with.State.Status, with.Ports = container.StatusExited, nil
	a.Handle(api.ContainerInspect, agenttest.Answer(with))
	_, err = c.Addr(t.Context(), 80, "")
	require.ErrorIs(t, err, container.ErrNotRunning)
}
