//go:build linux

package client_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/caisson-dev/caisson/internal/agenttest"
	"github.com/caisson-dev/caisson/internal/api"
	"github.com/caisson-dev/caisson/internal/client"
)

func options(a *agenttest.Agent) client.Options {
	return client.Options{Root: a.Root, RunRoot: a.RunRoot}
}

// A process has one agent for a store, until it has closed the store as often as it opened it.
func TestOpenTwice(t *testing.T) {
	t.Parallel()
	a := agenttest.New(t)
	one, err := client.Open(t.Context(), options(a))
	require.NoError(t, err)
	assert.False(t, one.Shared())
	two, err := client.Open(t.Context(), options(a))
	require.NoError(t, err)
	assert.True(t, one.Shared())
	require.NoError(t, one.Close())
	require.NoError(t, one.Close(), "it counts once")
	a.Handle(api.VolumeList, agenttest.Answer([]int{}))
	require.NoError(t, two.Do(t.Context(), api.VolumeList, nil, nil))
	closed := func(c *client.Client) {
		err := c.Do(t.Context(), api.VolumeList, nil, nil)
		require.ErrorIs(t, err, api.ErrAgentGone)
		assert.EqualError(t, err, "the store is closed")
	}
	closed(one) // although the agent serves the other
	require.NoError(t, two.Close())
	closed(two)
}

func TestHello(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		hello api.Hello
		is    error
		says  string
	}{
		"error":            {api.Hello{Err: api.ToError(api.Errorf(api.ErrPermission, "store: it can't be written"))}, api.ErrPermission, "store: it can't be written"},
		"another version":  {api.Hello{Version: "v9.0.0"}, nil, "has version v9.0.0"},
		"another protocol": {api.Hello{Protocol: "0"}, nil, "speaks protocol 0"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := agenttest.New(t)
			a.Hello(test.hello)
			_, err := client.Open(t.Context(), options(a))
			require.ErrorContains(t, err, test.says)
			if test.is != nil {
				require.ErrorIs(t, err, test.is)
			}
		})
	}
}

type failed struct{}

func (failed) Success() bool  { return false }
func (failed) String() string { return "exit status 2" }

// An agent that does not get as far as to say hello is told of with what it wrote.
func TestNoHello(t *testing.T) {
	t.Parallel()
	root := filepath.Join(t.TempDir(), "root")
	opts := client.Options{Root: root, RunRoot: filepath.Join(root, "run")}
	defer client.Fake(root, func(_ string, stderr, _ *os.File) (func() (client.Exit, error), error) {
		_, err := stderr.WriteString("libc.so.6: version not found\n")
		return func() (client.Exit, error) { return failed{}, nil }, err
	})()
	_, err := client.Open(t.Context(), opts)
	require.ErrorIs(t, err, api.ErrAgentGone)
	assert.ErrorContains(t, err, "(exit status 2): libc.so.6: version not found")

	broken := errors.New("no such file")
	defer client.Fake(root, func(string, *os.File, *os.File) (func() (client.Exit, error), error) { return nil, broken })()
	_, err = client.Open(t.Context(), opts)
	require.ErrorIs(t, err, broken)
}

// The end of the context ends an open whose agent never says hello, and another that waits for its turn; the agent learns
// that its owner is gone.
func TestOpenContext(t *testing.T) {
	t.Parallel()
	root := filepath.Join(t.TempDir(), "root")
	opts := client.Options{Root: root, RunRoot: filepath.Join(root, "run")}
	begun, ended := make(chan struct{}), make(chan struct{})
	defer client.Fake(root, func(_ string, _, lifeline *os.File) (func() (client.Exit, error), error) {
		fd, err := unix.Dup(int(lifeline.Fd()))
		require.NoError(t, err)
		close(begun)
		return func() (client.Exit, error) {
			defer close(ended)
			defer unix.Close(fd)
			_ = unix.SetNonblock(fd, false)
			n, err := unix.Read(fd, make([]byte, 1))
			assert.NoError(t, err)
			assert.Zero(t, n, "the owner's end of the lifeline is shut")
			return failed{}, nil
		}, nil
	})()
	enough := errors.New("enough")
	ctx, cancel := context.WithCancelCause(t.Context())
	errs := make(chan error, 2)
	open := func() {
		_, err := client.Open(ctx, opts)
		errs <- err
	}
	go open()
	<-begun
	go open()
	cancel(enough)
	for range 2 {
		err := <-errs
		require.ErrorIs(t, err, context.Canceled)
		require.ErrorIs(t, err, enough)
	}
	<-ended
}

// lines is a writer of a log that can be waited for.
type lines struct {
	mu   sync.Mutex
	b    bytes.Buffer
	come chan struct{}
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	defer close(l.come)
	return l.b.Write(p)
}

// What the agent logs reaches every logger that the store was opened with.
func TestLog(t *testing.T) {
	t.Parallel()
	a := agenttest.New(t)
	logs := []*lines{{come: make(chan struct{})}, {come: make(chan struct{})}}
	for _, l := range logs {
		opts := options(a)
		opts.Logger = slog.New(slog.NewTextHandler(l, nil))
		c, err := client.Open(t.Context(), opts)
		require.NoError(t, err)
		defer c.Close()
	}
	a.Log(api.Log{Level: int(slog.LevelWarn), Message: "a leftover", Attrs: map[string]any{"container": "web"}})
	for _, l := range logs {
		<-l.come
		assert.True(t, strings.HasSuffix(l.b.String(), "level=WARN msg=\"a leftover\" container=web\n"), l.b.String())
	}
}

// An agent that does not end well is an error of Close.
func TestCloseAfterDeath(t *testing.T) {
	t.Parallel()
	a := agenttest.New(t)
	c, err := client.Open(t.Context(), options(a))
	require.NoError(t, err)
	a.Die("signal: killed")
	require.ErrorIs(t, c.Close(), api.ErrAgentGone)
	c, err = client.Open(t.Context(), options(a))
	require.NoError(t, err)
	require.NoError(t, c.Close())
}
