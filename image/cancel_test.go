//go:build linux

package image_test

import (
	"context"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/caisson-dev/caisson/image"
	"github.com/caisson-dev/caisson/internal/testenv"
)

// quick is how soon a cancelled call must return.
const quick = time.Second

// cancelled runs f, cancels its context when f is under way, and returns how long f took from then on.
func cancelled(t *testing.T, underWay func(), f func(ctx context.Context) error) (took time.Duration, err error) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	done := make(chan error, 1)
	go func() { done <- f(ctx) }()
	underWay()
	begin := time.Now()
	cancel()
	err = <-done
	return time.Since(begin), err
}

func TestCancelBuild(t *testing.T) {
	t.Parallel()
	testenv.Slow(t)
	s := open(t)
	dir := contextDir(t)
	_, err := s.Build(t.Context(), image.BuildOptions{Context: os.DirFS(dir), DockerfileText: base + "COPY note /note\n"})
	require.NoError(t, err)
	before := look(t, s.Root())
	took, err := cancelled(t, func() { awaitSleeper(t, s.Root()) }, func(ctx context.Context) error {
		_, err := s.Build(ctx, image.BuildOptions{Context: os.DirFS(dir), DockerfileText: sleeper(s.Root()), Tags: []string{"never:1"}})
		return err
	})
	require.ErrorIs(t, err, context.Canceled)
	require.Less(t, took, quick)
	settles(t, s.Root(), before)
	// The store is as good as before.
	_, err = s.Build(t.Context(), image.BuildOptions{Context: os.DirFS(dir), DockerfileText: base + "COPY note /note\nRUN cat /note\n"})
	require.NoError(t, err)
}

func TestCancelPull(t *testing.T) {
	t.Parallel()
	reg := newSlowRegistry(t)
	s := open(t)
	before := look(t, s.Root())
	asked := reg.hold()
	took, err := cancelled(t, func() { <-asked }, func(ctx context.Context) error {
		_, err := s.Pull(ctx, reg.ref, image.PullOptions{})
		return err
	})
	require.ErrorIs(t, err, context.Canceled)
	require.Less(t, took, quick)
	// What it has finished is kept for another. Prune waits for what goes on behind the caller's back.
	_, err = s.Prune(t.Context(), image.PruneOptions{})
	require.NoError(t, err)
	settles(t, s.Root(), before)
}

func TestCancelPush(t *testing.T) {
	t.Parallel()
	asked := make(chan struct{})
	addr := hanging(t, asked)
	s := open(t)
	_, err := build(t, s, base, image.BuildOptions{Tags: []string{"app:1"}}, nil)
	require.NoError(t, err)
	before := look(t, s.Root())
	took, err := cancelled(t, func() { <-asked }, func(ctx context.Context) error {
		_, err := s.Push(ctx, "app:1", image.PushOptions{Destination: addr + "/app:1"})
		return err
	})
	require.ErrorIs(t, err, context.Canceled)
	require.Less(t, took, quick)
	settles(t, s.Root(), before)
}

func TestCancelledBefore(t *testing.T) {
	t.Parallel()
	s := open(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := s.Pull(ctx, "127.0.0.1:1/app", image.PullOptions{})
	require.ErrorIs(t, err, context.Canceled)
	_, err = s.Build(ctx, image.BuildOptions{DockerfileText: "FROM scratch\n"})
	require.ErrorIs(t, err, context.Canceled)
	_, err = s.Remove(ctx, "app", image.RemoveOptions{})
	require.ErrorIs(t, err, context.Canceled)
}

// Nothing is left of what was being read when its caller gave up, though the caller's reader blocks.
func TestCancelWhileReading(t *testing.T) {
	s := open(t)
	_, err := build(t, s, base, image.BuildOptions{}, nil) // the first build starts a process that stays with the agent
	require.NoError(t, err)
	before := look(t, s.Root())
	for name, f := range readers {
		r := newStuck(t, "beginning")
		took, err := cancelled(t, func() { <-r.blocks }, func(ctx context.Context) error { return f.call(ctx, s, r) })
		require.ErrorIs(t, err, context.Canceled, name)
		require.Less(t, took, quick, name)
	}
	settles(t, s.Root(), before)
}
