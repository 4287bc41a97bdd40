package spec_test

import (
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"
	"github.com/stretchr/testify/assert"

	"github.com/caisson-dev/caisson/agent/internal/spec"
	"github.com/caisson-dev/caisson/container"
)

func TestRlimits(t *testing.T) {
	asked := []container.Ulimit{{Name: "nofile", Soft: 10, Hard: -1}, {Name: "core", Soft: -1, Hard: -1}}
	out, cut := spec.Rlimits(asked, nil)
	assert.Empty(t, cut)
	assert.Equal(t, uint64(1<<64-1), out[0].Hard)
	out, cut = spec.Rlimits(asked, map[string]uint64{"nofile": 100, "core": 1<<64 - 1})
	assert.Equal(t, asked[:1], cut)
	assert.Equal(t, specs.POSIXRlimit{Type: "RLIMIT_NOFILE", Soft: 10, Hard: 100}, out[0])
	assert.Equal(t, specs.POSIXRlimit{Type: "RLIMIT_CORE", Soft: 1<<64 - 1, Hard: 1<<64 - 1}, out[1])
}
