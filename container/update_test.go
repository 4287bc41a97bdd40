package container_test

import (
	"os"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/caisson-dev/caisson/container"
)

func TestUpdate(t *testing.T) {
	t.Parallel()
	limits(t)
	e := newEngine(t)
	ctx := t.Context()
	c := start(t, e, container.Options{Cmd: []string{"chain", "eat", "20", ";", "sleep", "1h"}, Resources: container.Resources{Memory: 64 << 20, PIDs: 30}})
	waitForLog(t, c, "20")
	memory := func() string { return cgroup(t, c, "", "memory/memory.limit_in_bytes", "memory.max") }
	pids := func() string { return cgroup(t, c, "", "pids/pids.max", "pids.max") }
	require.NoError(t, c.Update(ctx, container.UpdateOptions{Resources: container.Resources{Memory: 96 << 20, CPUs: 0.5}}))
	assert.Equal(t, "100663296", memory())
	assert.Equal(t, "30", pids(), "what is not given stays")
	require.NoError(t, c.Command("/bin/testbox", "true").Run(ctx), "commands start as before")
	if cpus := cgroup(t, c, "", "cpu/cpu.cfs_quota_us", "cpu.max"); cpus != "50000" {
		assert.Equal(t, "50000 100000", cpus)
	}
	require.NoError(t, c.Update(ctx, container.UpdateOptions{Resources: container.Resources{PIDs: -1, CPUShares: 256, CPUSet: "0"}}))
	assert.Equal(t, "max", pids())
	assert.Equal(t, "0", cgroup(t, c, "", "cpuset/cpuset.cpus", "cpuset.cpus"))
	assert.Equal(t, "100663296", memory())
	require.NoError(t, c.Update(ctx, container.UpdateOptions{Resources: container.Resources{MemoryReservation: 16 << 20}}))
	assert.Equal(t, "16777216", cgroup(t, c, "", "memory/memory.soft_limit_in_bytes", "memory.low"))
	st, err := c.Stats(ctx)
	require.NoError(t, err)
	assert.Equal(t, int64(96<<20), st.MemoryLimit)

	err = c.Update(ctx, container.UpdateOptions{Resources: container.Resources{Memory: 8 << 20}})
	require.ErrorIs(t, err, container.ErrInvalidArgument, "less than it uses")
	assert.Equal(t, "100663296", memory())
	info, err := c.Inspect(ctx)
	require.NoError(t, err)
	assert.Equal(t, container.Resources{Memory: 96 << 20, MemoryReservation: 16 << 20, CPUs: 0.5, CPUShares: 256, CPUSet: "0", PIDs: -1}, info.Options.Resources)

	require.NoError(t, c.Kill(ctx, ""))
	_, err = c.Wait(ctx)
	require.NoError(t, err)
	require.NoError(t, c.Update(ctx, container.UpdateOptions{Resources: container.Resources{PIDs: 50}}), "of one that does not run")
	require.NoError(t, c.Start(ctx))
	assert.Equal(t, "50", pids())
	assert.Equal(t, "100663296", memory())
}

func TestUpdateErrors(t *testing.T) {
	t.Parallel()
	e := newEngine(t)
	ctx := t.Context()
	c := create(t, e, container.Options{})
	for field, r := range map[string]container.Resources{
		"Memory": {Memory: 5}, "MemorySwap": {MemorySwap: 5}, "MemoryReservation": {Memory: 32 << 20, MemoryReservation: 33 << 20}, "CPUs": {CPUs: 1e6}, "CPUSet": {CPUSet: "x"}, "ShmSize": {ShmSize: 1},
		"Ulimits": {Ulimits: []container.Ulimit{{Name: "nofile"}}}, "OOMScoreAdj": {OOMScoreAdj: 1}, "CgroupParent": {CgroupParent: "x"}, "BlockIO": {BlockIO: []container.BlockIOLimit{{Device: "/dev/null", ReadBPS: 1}}},
	} {
		err := c.Update(ctx, container.UpdateOptions{Resources: r})
		require.ErrorIs(t, err, container.ErrInvalidArgument, field)
		require.ErrorContains(t, err, field)
	}
	if os.Geteuid() != 0 {
		require.ErrorIs(t, c.Update(ctx, container.UpdateOptions{Resources: container.Resources{PIDs: 10}}), container.ErrUnsupported)
	}
	require.NoError(t, c.Remove(ctx, container.RemoveOptions{}))
	require.ErrorIs(t, c.Update(ctx, container.UpdateOptions{Resources: container.Resources{PIDs: 10}}), container.ErrNotFound)
}
