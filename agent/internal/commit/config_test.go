//go:build linux

package commit_test

import (
	"testing"
	"time"

	v1 "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/caisson-dev/caisson/agent/internal/commit"
	"github.com/caisson-dev/caisson/agent/internal/images"
	"github.com/caisson-dev/caisson/agent/internal/spec"
	"github.com/caisson-dev/caisson/container"
	"github.com/caisson-dev/caisson/internal/api"
)

func base() *images.Resolved {
	b := &images.Resolved{}
	b.Raw.Config = v1.ImageConfig{
		Entrypoint: []string{"/entry"}, Cmd: []string{"arg"}, Labels: map[string]string{"a": "image", "b": "image"},
		ExposedPorts: map[string]struct{}{"80/tcp": {}}, Volumes: map[string]struct{}{"/data": {}},
	}
	b.Raw.History = []v1.History{{CreatedBy: "base"}}
	b.Raw.OS = "linux"
	return b
}

func TestConfig(t *testing.T) {
	t.Parallel()
	now := time.Unix(1700000000, 0).UTC()
	c := &spec.Container{Command: []string{"/entry", "arg"}, Env: []string{"A=1"}, Dir: "/srv", User: "app"}
	c.Options.Labels = map[string]string{"b": "container"}
	c.Options.Ports = []container.Port{{Container: 53, Protocol: "udp"}, {Container: 8000, Count: 2}}
	c.Options.Lifecycle.StopSignal = "SIGINT"
	c.Health = &container.HealthConfig{Test: []string{"CMD", "ok"}, Interval: time.Second, Retries: 3}
	b := base()
	cfg, err := commit.Config(c, b, container.CommitOptions{Author: "me", Message: "why"}, now)
	require.NoError(t, err)
	got := cfg.Config
	assert.Equal(t, []string{"/entry"}, got.Entrypoint)
	assert.Equal(t, []string{"arg"}, got.Cmd)
	assert.Equal(t, []string{"A=1"}, got.Env)
	assert.Equal(t, "/srv", got.WorkingDir)
	assert.Equal(t, "app", got.User)
	assert.Equal(t, "SIGINT", got.StopSignal)
	assert.Equal(t, map[string]string{"a": "image", "b": "container"}, got.Labels)
	assert.Equal(t, map[string]struct{}{"80/tcp": {}, "53/udp": {}, "8000/tcp": {}, "8001/tcp": {}}, got.ExposedPorts)
	assert.Equal(t, []string{"CMD", "ok"}, got.Healthcheck.Test)
	assert.Equal(t, "linux", cfg.OS)
	require.Len(t, cfg.History, 2)
	assert.Equal(t, v1.History{Created: &now, CreatedBy: "/entry arg", Author: "me", Comment: "why"}, cfg.History[1])
	assert.Equal(t, base().Raw, b.Raw, "the base stays as it is")
}

func TestConfigCommand(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		entrypoint, cmd         []string
		wantEntrypoint, wantCmd []string
	}{
		"the image's": {nil, nil, []string{"/entry"}, []string{"arg"}},
		"cmd":         {nil, []string{"x"}, []string{"/entry"}, []string{"x"}},
		"entrypoint":  {[]string{"/mine"}, nil, []string{"/mine"}, nil},
		"both":        {[]string{"/mine"}, []string{"x"}, []string{"/mine"}, []string{"x"}},
	} {
		in := &spec.Container{Options: container.Options{Entrypoint: c.entrypoint, Cmd: c.cmd}}
		cfg, err := commit.Config(in, base(), container.CommitOptions{}, time.Time{})
		require.NoError(t, err, name)
		assert.Equal(t, c.wantEntrypoint, cfg.Config.Entrypoint, name)
		assert.Equal(t, c.wantCmd, cfg.Config.Cmd, name)
	}
}

func TestConfigChanges(t *testing.T) {
	t.Parallel()
	cfg, err := commit.Config(&spec.Container{}, base(), container.CommitOptions{Changes: []string{"ENV A=2", "CMD [\"y\"]"}}, time.Time{})
	require.NoError(t, err)
	assert.Contains(t, cfg.Config.Env, "A=2")
	assert.Equal(t, []string{"y"}, cfg.Config.Cmd)
	_, err = commit.Config(&spec.Container{}, base(), container.CommitOptions{Changes: []string{"RUN x"}}, time.Time{})
	require.ErrorIs(t, err, api.ErrInvalidArgument)
	assert.ErrorContains(t, err, "CommitOptions.Changes")
}
