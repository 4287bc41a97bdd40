package spec_test

import (
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/caisson-dev/caisson/agent/internal/spec"
	"github.com/caisson-dev/caisson/internal/api"
)

func TestExec(t *testing.T) {
	c := &spec.Container{Hostname: "box", Dir: "/srv", Env: []string{"A=1"}}
	adj := 5
	first := &specs.Process{
		Capabilities: &specs.LinuxCapabilities{Bounding: []string{"CAP_KILL"}}, NoNewPrivileges: true, ApparmorProfile: "mine", OOMScoreAdj: &adj,
		Rlimits: []specs.POSIXRlimit{{Type: "RLIMIT_CORE"}},
	}
	p := c.Exec(spec.Command{Args: []string{"sh"}, Env: []string{"B=2"}}, specs.User{}, "/root", first, hosts["rootful-v2"])
	assert.Equal(t, "/srv", p.Cwd)
	assert.Equal(t, []string{"sh"}, p.Args)
	assert.Subset(t, p.Env, []string{"HOSTNAME=box", "HOME=/root", "A=1", "B=2"})
	assert.Equal(t, []string{"CAP_KILL"}, p.Capabilities.Effective, "confined as the first process is")
	assert.True(t, p.NoNewPrivileges)
	assert.Equal(t, "mine", p.ApparmorProfile)
	assert.Equal(t, first.Rlimits, p.Rlimits)
	assert.Equal(t, &adj, p.OOMScoreAdj)

	p = c.Exec(spec.Command{Args: []string{"sh"}, Dir: "/tmp"}, specs.User{UID: 1}, "/", first, hosts["rootful-v2"])
	assert.Equal(t, "/tmp", p.Cwd)
	assert.Empty(t, p.Capabilities.Effective, "a user that is not root")
	assert.Equal(t, []string{"CAP_KILL"}, p.Capabilities.Bounding)

	p = c.Exec(spec.Command{Args: []string{"sh"}, Privileged: true}, specs.User{}, "/root", first, hosts["rootful-v2"])
	assert.Equal(t, allCaps, p.Capabilities.Effective)
	assert.Empty(t, p.ApparmorProfile)

	p = c.Exec(spec.Command{Args: []string{"sh"}}, specs.User{}, "/root", &specs.Process{}, hosts["rootful-v2"])
	assert.Empty(t, p.Capabilities.Bounding, "ModifySpec took the capabilities away")
}

func TestValidateExec(t *testing.T) {
	require.NoError(t, spec.ValidateExec(spec.Command{Args: []string{"sh"}, Env: []string{"A=", "B"}, Dir: "/"}, "app:1"))
	for text, c := range map[string]spec.Command{
		"Args is empty": {}, "Args[1]": {Args: []string{"a", "\x00"}}, "Env": {Args: []string{"a"}, Env: []string{"=x"}}, "Dir": {Args: []string{"a"}, Dir: "x"},
	} {
		err := spec.ValidateExec(c, "")
		require.ErrorIs(t, err, api.ErrInvalidArgument)
		require.ErrorContains(t, err, "exec: "+text)
	}
	require.ErrorContains(t, spec.ValidateExec(spec.Command{Args: []string{"a"}}, "a:b:c"), "exec: User")
}
