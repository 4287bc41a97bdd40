package main

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/caisson-dev/caisson/dockertest"
)

func TestDoctor(t *testing.T) {
	var out strings.Builder
	assert.Zero(t, tell(&out, dockertest.Check()), "the tests of this module run containers:\n%s", &out)
	assert.Contains(t, out.String(), "ok       overlay\n")

	out.Reset()
	code := tell(&out, []dockertest.Finding{
		{Name: "overlay", OK: true},
		{Name: "user namespaces", Required: true, Problem: "the sysctl is 0", Fix: "sudo sysctl -w x=1"},
	})
	assert.Equal(t, 1, code)
	assert.Equal(t, "ok       overlay\nMISSING  user namespaces: the sysctl is 0\n         fix it with: sudo sysctl -w x=1\n", out.String())
}
