package spec_test

import (
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"
	"github.com/stretchr/testify/assert"

	"github.com/caisson-dev/caisson/agent/internal/spec"
	"github.com/caisson-dev/caisson/container"
)

// TestTerm: a process with a terminal has TERM, which the image and the options may set.
func TestTerm(t *testing.T) {
	made := func(o container.Options) []string { return makeSpec(t, hosts["rootful-v2"], o, nil).Process.Env }
	assert.Contains(t, made(container.Options{TTY: true}), "TERM=xterm")
	assert.Contains(t, made(container.Options{TTY: true, Env: []string{"TERM=dumb"}}), "TERM=dumb")
	assert.NotContains(t, made(container.Options{}), "TERM=xterm")
	c := &spec.Container{}
	env := func(cmd spec.Command) []string {
		return c.Exec(cmd, specs.User{}, "/", &specs.Process{}, hosts["rootful-v2"]).Env
	}
	assert.Contains(t, env(spec.Command{TTY: true}), "TERM=xterm")
	assert.Contains(t, env(spec.Command{TTY: true, Env: []string{"TERM=vt100"}}), "TERM=vt100")
	assert.NotContains(t, env(spec.Command{}), "TERM=xterm")
}
