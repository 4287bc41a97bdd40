//go:build linux

package ocirun

import (
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"
	"github.com/stretchr/testify/assert"
)

func TestCloseCgroups(t *testing.T) {
	shared := []string{"nosuid", "rw", "nodev"}
	s := &specs.Spec{Mounts: []specs.Mount{
		{Type: "cgroup", Options: shared}, {Type: "cgroup2"}, {Type: "cgroup", Options: []string{"ro"}}, {Type: "tmpfs", Options: []string{"rw"}},
	}}
	closeCgroups(s)
	var got [][]string
	for _, m := range s.Mounts {
		got = append(got, m.Options)
	}
	assert.Equal(t, [][]string{{"nosuid", "nodev", "ro"}, {"ro"}, {"ro"}, {"rw"}}, got)
	assert.Equal(t, []string{"nosuid", "rw", "nodev"}, shared, "what was given is as it was")
}
