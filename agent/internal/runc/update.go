//go:build linux

package runc

import (
	"github.com/opencontainers/cgroups"
	"github.com/opencontainers/runtime-spec/specs-go"
)

// Update changes the limits of the running container to those of res; what res leaves out stays. If the kernel refuses
// one, none changes.
func (c *Container) Update(res *specs.LinuxResources) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	cfg := c.lc.Config()
	group, limits := *cfg.Cgroups, *cfg.Cgroups.Resources // copies: libcontainer goes back to its own
	group.Resources, cfg.Cgroups = &limits, &group
	limit(&limits, res)
	limits.SkipDevices = true
	err := c.lc.Set(cfg)
	limits.SkipDevices = false // libcontainer keeps the limits, and starts no process in a container with this set
	return err
}

// limit changes libcontainer's limits.
func limit(limits *cgroups.Resources, res *specs.LinuxResources) {
	if m := res.Memory; m != nil {
		set(&limits.Memory, m.Limit)
		set(&limits.MemorySwap, m.Swap)
		set(&limits.MemoryReservation, m.Reservation)
		limits.MemoryCheckBeforeUpdate = true // else v2 kills until the rest fits
	}
	if cpu := res.CPU; cpu != nil {
		if cpu.Period != nil && cpu.Quota != nil {
			limits.CpuPeriod, limits.CpuQuota = *cpu.Period, *cpu.Quota
		}
		if cpu.Shares != nil {
			limits.CpuShares, limits.CpuWeight = *cpu.Shares, cgroups.ConvertCPUSharesToCgroupV2Value(*cpu.Shares)
		}
		if cpu.Cpus != "" {
			limits.CpusetCpus = cpu.Cpus
		}
		if cpu.Mems != "" {
			limits.CpusetMems = cpu.Mems
		}
	}
	if res.Pids != nil {
		limits.PidsLimit = res.Pids.Limit
	}
	if b := res.BlockIO; b != nil {
		set(&limits.BlkioWeight, b.Weight)
	}
}

func set[T any](field, to *T) {
	if to != nil {
		*field = *to
	}
}
