//go:build linux

package main

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/caisson-dev/caisson/container"
)

func TestStatsRow(t *testing.T) {
	info := container.Info{ID: "0123456789abcdef", Name: "web"}
	r := newStatsRow(info, container.Stats{
		CPUPercent: 12.345, Memory: 32 << 20, MemoryLimit: 64 << 20, PIDs: 3, BlockRead: 4000, BlockWrite: 0,
		Networks: map[string]container.NetworkStats{"eth0": {RxBytes: 1000, TxBytes: 10}, "eth1": {RxBytes: 500}},
	}, true, false)
	require.Equal(t, statsRow{
		ID: "0123456789ab", Container: info.ID, Name: "web", CPUPerc: "12.35%", MemUsage: "32MiB / 64MiB", MemPerc: "50.00%", PIDs: "3",
		NetIO: "1.5kB / 10B", BlockIO: "4kB / 0B",
	}, r)
	require.Equal(t, "--", newStatsRow(info, container.Stats{}, false, true).CPUPerc)
}
