//go:build linux

package runc

import (
	"testing"

	"github.com/opencontainers/cgroups"
	"github.com/opencontainers/runtime-spec/specs-go"
	"github.com/stretchr/testify/assert"
)

func ptr[T any](v T) *T { return &v }

// TestLimit: a change of limits leaves alone what it does not name.
func TestLimit(t *testing.T) {
	old := cgroups.Resources{
		Memory: 1, MemorySwap: 2, MemoryReservation: 3, CpuPeriod: 4, CpuQuota: 5, CpuShares: 6, CpuWeight: 7,
		CpusetCpus: "0", CpusetMems: "0", PidsLimit: ptr(int64(8)), BlkioWeight: 9,
	}
	for _, c := range []struct {
		name string
		res  specs.LinuxResources
		want func(*cgroups.Resources)
	}{
		{"nothing", specs.LinuxResources{}, func(*cgroups.Resources) {}},
		{"memory", specs.LinuxResources{Memory: &specs.LinuxMemory{Limit: ptr(int64(10))}}, func(r *cgroups.Resources) {
			r.Memory, r.MemoryCheckBeforeUpdate = 10, true
		}},
		{"swap and reservation", specs.LinuxResources{Memory: &specs.LinuxMemory{Swap: ptr(int64(-1)), Reservation: ptr(int64(11))}}, func(r *cgroups.Resources) {
			r.MemorySwap, r.MemoryReservation, r.MemoryCheckBeforeUpdate = -1, 11, true
		}},
		{"processors' time", specs.LinuxResources{CPU: &specs.LinuxCPU{Period: ptr(uint64(100)), Quota: ptr(int64(50))}}, func(r *cgroups.Resources) {
			r.CpuPeriod, r.CpuQuota = 100, 50
		}},
		{"a period alone", specs.LinuxResources{CPU: &specs.LinuxCPU{Period: ptr(uint64(100))}}, func(*cgroups.Resources) {}},
		{"shares", specs.LinuxResources{CPU: &specs.LinuxCPU{Shares: ptr(uint64(1024))}}, func(r *cgroups.Resources) {
			r.CpuShares, r.CpuWeight = 1024, cgroups.ConvertCPUSharesToCgroupV2Value(1024)
		}},
		{"sets", specs.LinuxResources{CPU: &specs.LinuxCPU{Cpus: "1", Mems: "1"}}, func(r *cgroups.Resources) { r.CpusetCpus, r.CpusetMems = "1", "1" }},
		{"processes", specs.LinuxResources{Pids: &specs.LinuxPids{Limit: ptr(int64(12))}}, func(r *cgroups.Resources) { r.PidsLimit = ptr(int64(12)) }},
		{"weight", specs.LinuxResources{BlockIO: &specs.LinuxBlockIO{Weight: ptr(uint16(13))}}, func(r *cgroups.Resources) { r.BlkioWeight = 13 }},
	} {
		t.Run(c.name, func(t *testing.T) {
			want, got := old, old
			c.want(&want)
			limit(&got, &c.res)
			assert.Equal(t, want, got)
		})
	}
}
