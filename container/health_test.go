//go:build linux

package container_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/caisson-dev/caisson/container"
	"github.com/caisson-dev/caisson/internal/testenv"
)

// soon bounds what a test waits for.
func soon(t testing.TB) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	t.Cleanup(cancel)
	return ctx
}

// healthOf waits until the checks found a state.
func healthOf(t testing.TB, c *container.Container, want container.HealthStatus) *container.Health {
	t.Helper()
	var h *container.Health
	require.Eventually(t, func() bool {
		info, err := c.Inspect(t.Context())
		require.NoError(t, err)
		h = info.Health
		return h != nil && h.Status == want
	}, time.Minute, 5*time.Millisecond)
	return h
}

func TestHealth(t *testing.T) {
	t.Parallel()
	e := newEngine(t)
	c := create(t, e, container.Options{Cmd: []string{"sleep", "1h"}, Health: container.HealthConfig{
		Test: []string{"CMD", "/bin/testbox", "fails", "/work/up"}, Interval: 20 * time.Millisecond, Retries: 2, StartPeriod: time.Hour, StartInterval: 20 * time.Millisecond,
	}})
	waited := make(chan error, 1)
	go func() { waited <- c.WaitHealthy(soon(t)) }() // before the start
	require.NoError(t, c.Start(t.Context()))
	info, err := c.Inspect(t.Context())
	require.NoError(t, err)
	require.NotNil(t, info.Health)
	assert.Equal(t, container.HealthStarting, info.Health.Status)
	var h *container.Health
	require.Eventually(t, func() bool {
		info, err := c.Inspect(t.Context())
		require.NoError(t, err)
		h = info.Health
		return len(h.Log) == 5
	}, time.Minute, 5*time.Millisecond)
	assert.Equal(t, container.HealthStarting, h.Status, "failures of the start period don't count")
	assert.Zero(t, h.FailingStreak)
	assert.Equal(t, 3, h.Log[0].ExitCode)
	assert.Equal(t, "no /work/up\n", h.Log[0].Output)
	assert.False(t, h.Log[0].End.Before(h.Log[0].Start))

	require.NoError(t, c.Command("/bin/testbox", "write", "/work/up", "x").Run(t.Context()))
	require.NoError(t, <-waited)
	require.NoError(t, c.WaitHealthy(soon(t)), "it is already")
	require.NoError(t, c.Command("/bin/testbox", "rm", "/work/up").Run(t.Context()))
	h = healthOf(t, c, container.HealthUnhealthy)
	assert.GreaterOrEqual(t, h.FailingStreak, 2)
	err = c.WaitHealthy(soon(t))
	require.ErrorIs(t, err, container.ErrUnhealthy)
	assert.ErrorContains(t, err, "no /work/up")
	require.NoError(t, c.Command("/bin/testbox", "write", "/work/up", "x").Run(t.Context()))
	h = healthOf(t, c, container.HealthHealthy)
	assert.Zero(t, h.FailingStreak)

	require.NoError(t, c.Kill(t.Context(), ""))
	_, err = c.Wait(soon(t))
	require.NoError(t, err)
	require.ErrorIs(t, c.WaitHealthy(soon(t)), container.ErrNotRunning)
}

func TestHealthTimeout(t *testing.T) {
	t.Parallel()
	e := newEngine(t)
	c := start(t, e, container.Options{Cmd: []string{"sleep", "1h"}, Health: container.HealthConfig{
		Test: []string{"CMD", "/bin/testbox", "sleep", "55h"}, Interval: time.Millisecond, Timeout: 50 * time.Millisecond, Retries: 1,
	}})
	h := healthOf(t, c, container.HealthUnhealthy)
	assert.Equal(t, -1, h.Log[0].ExitCode)
	assert.Contains(t, h.Log[0].Output, "more than 50ms")
	require.NoError(t, c.Kill(t.Context(), ""))
	_, err := c.Wait(soon(t))
	require.NoError(t, err, "a check that hangs keeps nobody")
}

func TestHealthOfACommandThatIsNotThere(t *testing.T) {
	t.Parallel()
	e := newEngine(t)
	c := start(t, e, container.Options{Cmd: []string{"sleep", "1h"}, Health: container.HealthConfig{
		Test: []string{"CMD-SHELL", "exit 0"}, Interval: time.Millisecond, Retries: 1,
	}})
	h := healthOf(t, c, container.HealthUnhealthy)
	assert.Contains(t, h.Log[0].Output, "/bin/sh", "the image has none")
}

func TestHealthOfTheImage(t *testing.T) {
	t.Parallel()
	testenv.Slow(t)
	e := newEngine(t)
	const name = "localhost/healthy:1"
	buildImage(t, e.Store(), name, dockerfile+"HEALTHCHECK --interval=20ms --retries=1 CMD [\"/bin/testbox\", \"fails\", \"/data/note\"]\n")
	c := start(t, e, container.Options{Image: name, Cmd: []string{"sleep", "1h"}})
	require.NoError(t, c.WaitHealthy(soon(t)))

	c = start(t, e, container.Options{Image: name, Cmd: []string{"sleep", "1h"}, Health: container.HealthConfig{Test: []string{"NONE"}}})
	info, err := c.Inspect(t.Context())
	require.NoError(t, err)
	assert.Nil(t, info.Health)
	require.ErrorIs(t, c.WaitHealthy(soon(t)), container.ErrInvalidArgument)

	const shell = "localhost/healthy:2"
	buildImage(t, e.Store(), shell, strings.Replace(dockerfile, "ENTRYPOINT", "SHELL [\"/bin/testbox\", \"echo\"]\nHEALTHCHECK --interval=20ms CMD it is\nENTRYPOINT", 1))
	c = start(t, e, container.Options{Image: shell, Cmd: []string{"sleep", "1h"}})
	require.NoError(t, c.WaitHealthy(soon(t)))
	info, err = c.Inspect(t.Context())
	require.NoError(t, err)
	assert.Equal(t, "it is\n", info.Health.Log[0].Output, "by the image's SHELL")
}

func TestHealthFromAnotherProcess(t *testing.T) {
	t.Parallel()
	root, before := killStore(t)
	e := openEngine(t, root)
	c, err := e.Start(t.Context(), container.Options{Image: testImage, Name: "checked", Cmd: []string{"sleep", "1000h", root}, Detach: true, Health: container.HealthConfig{
		Test: []string{"CMD", "/bin/testbox", "true"}, Interval: 10 * time.Millisecond,
	}})
	require.NoError(t, err)
	require.NoError(t, c.WaitHealthy(soon(t)), "the detached container's agent checks it")
	require.NoError(t, c.Remove(t.Context(), container.RemoveOptions{Force: true}))
	require.NoError(t, e.Store().Close())
	settles(t, root, before)
}

func TestHealthErrors(t *testing.T) {
	t.Parallel()
	e := newEngine(t)
	for text, h := range map[string]container.HealthConfig{
		`Test ["echo" "x"]`:     {Test: []string{"echo", "x"}},
		`Test ["CMD"]`:          {Test: []string{"CMD"}},
		`Test ["CMD-SHELL" "a"`: {Test: []string{"CMD-SHELL", "a", "b"}},
		`Test ["NONE"]`:         {Test: []string{"NONE"}, Retries: 1},
		"Interval 1µs":          {Interval: time.Microsecond},
		"Timeout -1s":           {Timeout: -time.Second},
		"Retries -1":            {Retries: -1},
	} {
		t.Run(text, func(t *testing.T) {
			_, err := e.Create(t.Context(), container.Options{Image: testImage, Health: h})
			require.ErrorIs(t, err, container.ErrInvalidArgument)
			assert.ErrorContains(t, err, "Options.Health."+text)
		})
	}
}
