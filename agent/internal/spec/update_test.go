package spec_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/caisson-dev/caisson/agent/internal/spec"
	"github.com/caisson-dev/caisson/container"
	"github.com/caisson-dev/caisson/internal/api"
)

func TestChange(t *testing.T) {
	old := container.Resources{Memory: 64 << 20, MemorySwap: 96 << 20, CPUs: 1, ShmSize: 1 << 20}
	now, err := spec.ChangeResources(old, container.Resources{CPUs: 2, PIDs: 5})
	require.NoError(t, err)
	want := old
	want.CPUs, want.PIDs = 2, 5
	assert.Equal(t, want, now, "what is zero stays")
	for text, change := range map[string]container.Resources{
		"Resources.ShmSize": {ShmSize: 2 << 20}, "Resources.Ulimits": {Ulimits: []container.Ulimit{}}, "Resources.Memory": {Memory: 128 << 20},
		"Resources.Devices": {Devices: []container.Device{}}, "Resources.CPUs": {CPUs: 0.001}, "Resources.OOMScoreAdj": {OOMScoreAdj: 1},
		"Resources.CgroupParent": {CgroupParent: "x"}, "Resources.BlockIO": {BlockIO: []container.BlockIOLimit{}},
	} {
		_, err := spec.ChangeResources(old, change)
		require.ErrorIs(t, err, api.ErrInvalidArgument)
		require.ErrorContains(t, err, text)
	}

	o := container.Options{Lifecycle: container.LifecycleConfig{Restart: container.RestartPolicy{Mode: container.RestartAlways}}}
	p, err := spec.ChangePolicy(o, container.RestartPolicy{})
	require.NoError(t, err)
	assert.Equal(t, o.Lifecycle.Restart, p)
	p, err = spec.ChangePolicy(o, container.RestartPolicy{Mode: container.RestartNo})
	require.NoError(t, err)
	assert.Equal(t, container.RestartNo, p.Mode)
	_, err = spec.ChangePolicy(o, container.RestartPolicy{Mode: "sometimes"})
	require.ErrorIs(t, err, api.ErrInvalidArgument)
	require.ErrorContains(t, err, "UpdateOptions.Restart.Mode")
	_, err = spec.ChangePolicy(container.Options{AutoRemove: true}, container.RestartPolicy{Mode: container.RestartAlways})
	require.ErrorContains(t, err, "AutoRemove")
}
