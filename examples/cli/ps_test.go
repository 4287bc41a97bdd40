package main

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/caisson-dev/caisson/container"
)

func TestPsRow(t *testing.T) {
	now := time.Now()
	info := container.Info{
		ID: strings.Repeat("c", 64), Name: "web", Image: "docker.io/library/app:1", Created: now.Add(-2 * time.Hour),
		Command: []string{"/bin/program", "with", "arguments"},
		State:   container.State{Status: container.StatusExited, ExitCode: 3, Started: now.Add(-time.Hour), Finished: now.Add(-5 * time.Minute)},
		Labels:  map[string]string{"b": "2", "a": "1"},
	}
	row := newPsRow(info, false)
	require.Equal(t, `"/bin/program with a…"`, row.Command)
	require.Equal(t, "Exited (3) 5 minutes ago", row.Status)
	require.Equal(t, "2 hours ago", row.RunningFor)
	require.Equal(t, "app:1", row.Image)
	require.Equal(t, "a=1,b=2", row.Labels)
	for state, want := range map[container.Status]string{
		container.StatusRunning: "Up About an hour", container.StatusPaused: "Up About an hour (Paused)", container.StatusCreated: "Created",
	} {
		info.State.Status = state
		require.Equal(t, want, statusText(info))
	}
}
