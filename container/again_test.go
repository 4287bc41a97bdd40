//go:build linux

package container_test

import (
	"bytes"
	"context"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/caisson-dev/caisson/container"
)

func TestWaitNext(t *testing.T) {
	t.Parallel()
	e := newEngine(t)
	c := create(t, e, container.Options{Cmd: []string{"exit", "3"}})
	type result struct {
		st  container.State
		err error
	}
	var last container.State
	for range 3 {
		got := make(chan result)
		go func() {
			st, err := c.WaitNext(t.Context(), last)
			got <- result{st, err}
		}()
		require.NoError(t, c.Start(t.Context()))
		r := <-got
		require.NoError(t, r.err)
		assert.Equal(t, 3, r.st.ExitCode)
		assert.True(t, r.st.Finished.After(last.Finished), "it is another run")
		last = r.st
	}
	// A start that came before the call is not missed.
	require.NoError(t, c.Start(t.Context()))
	st, err := c.WaitNext(t.Context(), last)
	require.NoError(t, err)
	assert.True(t, st.Finished.After(last.Finished))

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = c.WaitNext(ctx, st)
	require.ErrorIs(t, err, context.Canceled)
	got := make(chan result)
	go func() {
		st, err := c.WaitNext(t.Context(), st)
		got <- result{st, err}
	}()
	require.NoError(t, c.Remove(t.Context(), container.RemoveOptions{}))
	require.ErrorIs(t, (<-got).err, container.ErrNotFound)
}

func TestKeepVolumes(t *testing.T) {
	t.Parallel()
	e := newEngine(t)
	for name, detach := range map[string]bool{"own": false, "detached, not running": true} {
		c := create(t, e, container.Options{Cmd: []string{"exit", "0"}, Detach: detach, Mounts: []container.Mount{{Type: container.MountVolume, Target: "/data"}}})
		info, err := c.Inspect(t.Context())
		require.NoError(t, err)
		volume := info.Mounts[0].Source
		require.NoError(t, c.Remove(t.Context(), container.RemoveOptions{KeepVolumes: true}))
		v, err := e.Volume(t.Context(), volume)
		require.NoError(t, err, name)
		assert.True(t, v.Anonymous)
		assert.Empty(t, v.Containers)
		require.NoError(t, e.RemoveVolume(t.Context(), volume))
	}
}

func TestPid(t *testing.T) {
	t.Parallel()
	e := newEngine(t)
	c := start(t, e, container.Options{Cmd: []string{"sleep", "1h"}})
	cmd := c.Command("/bin/testbox", "upper")
	assert.Zero(t, cmd.Pid())
	r, w, err := os.Pipe()
	require.NoError(t, err)
	defer r.Close()
	var out bytes.Buffer
	cmd.Stdin, cmd.Stdout = r, &out
	require.NoError(t, cmd.Start(t.Context()))
	list, err := c.Top(t.Context())
	require.NoError(t, err)
	var pids []int
	for _, p := range list {
		pids = append(pids, p.HostPID)
	}
	assert.Contains(t, pids, cmd.Pid())
	require.NoError(t, w.Close())
	require.NoError(t, cmd.Wait())
}

func TestResizeWithoutAttach(t *testing.T) {
	t.Parallel()
	e := newEngine(t)
	c := create(t, e, container.Options{Cmd: []string{"winch"}, TTY: true, Stdin: true})
	require.NoError(t, c.Resize(t.Context(), container.Size{Width: 91, Height: 31}), "it is kept for the start")
	require.NoError(t, c.Start(t.Context()))
	_, err := c.Inspect(t.Context())
	require.NoError(t, err)
	require.NoError(t, c.Resize(t.Context(), container.Size{Width: 92, Height: 32}))
	require.NoError(t, c.Remove(t.Context(), container.RemoveOptions{Force: true}))
	require.ErrorIs(t, c.Resize(t.Context(), container.Size{Width: 1, Height: 1}), container.ErrNotFound)
}

func TestHost(t *testing.T) {
	t.Parallel()
	h, err := newEngine(t).Host(t.Context())
	require.NoError(t, err)
	name, err := os.Hostname()
	require.NoError(t, err)
	release, err := os.ReadFile("/proc/sys/kernel/osrelease")
	require.NoError(t, err)
	assert.Equal(t, name, h.Name)
	assert.Equal(t, strings.TrimSpace(string(release)), h.Kernel)
	assert.Equal(t, os.Geteuid() != 0, h.Rootless)
	assert.Positive(t, h.CPUs)
	assert.Positive(t, h.Memory)
	assert.NotEmpty(t, h.Version)
}

func TestNetworkID(t *testing.T) {
	t.Parallel()
	e := newEngine(t)
	made, err := e.CreateNetwork(t.Context(), container.NetworkOptions{Name: "byid"})
	require.NoError(t, err)
	require.Len(t, made.ID, 64)
	for _, ref := range []string{"byid", made.ID, made.ID[:12]} {
		n, err := e.Network(t.Context(), ref)
		require.NoError(t, err, ref)
		assert.Equal(t, made.ID, n.ID)
	}
	def, err := e.Network(t.Context(), string(container.NetworkDefault))
	require.NoError(t, err)
	require.ErrorIs(t, e.RemoveNetwork(t.Context(), def.ID), container.ErrInvalidArgument)
	require.NoError(t, e.RemoveNetwork(t.Context(), made.ID[:20]))
	_, err = e.Network(t.Context(), made.ID)
	require.ErrorIs(t, err, container.ErrNotFound)
	again, err := e.CreateNetwork(t.Context(), container.NetworkOptions{Name: "byid"})
	require.NoError(t, err)
	assert.NotEqual(t, made.ID, again.ID)
	require.NoError(t, e.RemoveNetwork(t.Context(), "byid"))
}

// TestFirstCallsAtOnce: a detached container has no manager until somebody needs one. Those who need one at the same moment
// come to the same.
func TestFirstCallsAtOnce(t *testing.T) {
	t.Parallel()
	e := newEngine(t)
	c := create(t, e, container.Options{Cmd: []string{"echo", strconv.Itoa(1)}, Detach: true})
	var calls sync.WaitGroup
	errs := make(chan error, 6)
	for i := range cap(errs) {
		calls.Go(func() {
			if i%2 == 0 {
				a, err := c.Attach(t.Context(), container.AttachOptions{})
				if err == nil {
					_, err = a.Wait()
				}
				errs <- err
				return
			}
			_, err := c.Wait(t.Context())
			errs <- err
		})
	}
	require.NoError(t, c.Start(t.Context()))
	calls.Wait()
	for range cap(errs) {
		require.NoError(t, <-errs)
	}
}
