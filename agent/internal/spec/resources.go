package spec

import (
	"fmt"
	"math"
	"path"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/caisson-dev/caisson/container"
)

// minMemory is Docker's smallest memory limit: with less, the kernel may kill a container's init before it runs.
const minMemory = 6 << 20

// cpuPeriod is the kernel's default, in microseconds, and Docker's.
const cpuPeriod = 100_000

// validateResources refuses what can't be on any host.
func validateResources(r container.Resources) error {
	const field = "Options.Resources."
	switch {
	case r.Memory != 0 && r.Memory < minMemory:
		return invalid(field+"Memory %d: it must be at least 6 MiB (%d)", r.Memory, minMemory)
	case r.MemorySwap != 0 && r.Memory == 0:
		return invalid(field+"MemorySwap %d: it is the limit of memory and swap together: set Resources.Memory too", r.MemorySwap)
	case r.MemorySwap < -1, r.MemorySwap > 0 && r.MemorySwap < r.Memory:
		return invalid(field+"MemorySwap %d: it is the limit of memory and swap together: it must be at least Resources.Memory (%d), or -1 for no limit", r.MemorySwap, r.Memory)
	case r.MemoryReservation != 0 && r.MemoryReservation < minMemory:
		return invalid(field+"MemoryReservation %d: it must be at least 6 MiB (%d)", r.MemoryReservation, minMemory)
	case r.Memory != 0 && r.MemoryReservation > r.Memory:
		return invalid(field+"MemoryReservation %d: it must be at most Resources.Memory (%d)", r.MemoryReservation, r.Memory)
	case math.IsNaN(r.CPUs), r.CPUs != 0 && r.CPUs < 0.01:
		return invalid(field+"CPUs %g: it must be at least 0.01", r.CPUs)
	case r.CPUShares != 0 && (r.CPUShares < 2 || r.CPUShares > 262144):
		return invalid(field+"CPUShares %d: it must be between 2 and 262144", r.CPUShares)
	case r.PIDs < -1:
		return invalid(field+"PIDs %d: it must be at least 1, or -1 for no limit", r.PIDs)
	case r.BlockIOWeight != 0 && (r.BlockIOWeight < 10 || r.BlockIOWeight > 1000):
		return invalid(field+"BlockIOWeight %d: it must be between 10 and 1000", r.BlockIOWeight)
	case r.ShmSize < 0:
		return invalid(field+"ShmSize %d: it must not be negative", r.ShmSize)
	case r.OOMScoreAdj < -1000 || r.OOMScoreAdj > 1000:
		return invalid(field+"OOMScoreAdj %d: it must be between -1000 and 1000", r.OOMScoreAdj)
	}
	for _, set := range []struct{ field, value string }{{"CPUSet", r.CPUSet}, {"MemoryNodes", r.MemoryNodes}} {
		if _, ok := numberSet(set.value); set.value != "" && !ok {
			return invalid(field+"%s %q: use numbers and ranges such as 0-2,4", set.field, set.value)
		}
	}
	if p := r.CgroupParent; p != "" {
		if strings.ContainsAny(p, "\x00\n") || path.Clean("/"+p) == "/" || strings.Contains("/"+p+"/", "/../") {
			return invalid(field+"CgroupParent %q: use the path of a cgroup below the root, without ..", p)
		}
	}
	return firstError(
		func() error { return validateBlockIO(r.BlockIO) },
		func() error { return validateUlimits(r.Ulimits) },
	)
}

func validateBlockIO(limits []container.BlockIOLimit) error {
	for i, l := range limits {
		field := fmt.Sprintf("Options.Resources.BlockIO[%d]", i)
		any := false
		for _, r := range []struct {
			name string
			n    int64
		}{{"ReadBPS", l.ReadBPS}, {"WriteBPS", l.WriteBPS}, {"ReadIOPS", l.ReadIOPS}, {"WriteIOPS", l.WriteIOPS}} {
			if r.n < 0 {
				return invalid("%s.%s %d: it must not be negative", field, r.name, r.n)
			}
			any = any || r.n > 0
		}
		if !any {
			return invalid("%s: no limit is set for %s: set ReadBPS, WriteBPS, ReadIOPS or WriteIOPS", field, l.Device)
		}
		if !path.IsAbs(l.Device) {
			return invalid("%s.Device %q: use an absolute path of the host such as /dev/sda", field, l.Device)
		}
	}
	return nil
}

// Resources converts the limits, without devices. The disks are those of BlockIO, and swap says whether the kernel
// accounts for swap.
func Resources(r container.Resources, disks []Disk, swap bool) *specs.LinuxResources {
	out := &specs.LinuxResources{BlockIO: blockIO(r, disks)}
	if r.Memory != 0 {
		out.Memory = &specs.LinuxMemory{Limit: &r.Memory}
		switch {
		case r.MemorySwap != 0:
			out.Memory.Swap = &r.MemorySwap
		case swap: // Docker's default
			twice := 2 * r.Memory
			out.Memory.Swap = &twice
		}
	}
	if r.MemoryReservation != 0 {
		if out.Memory == nil {
			out.Memory = &specs.LinuxMemory{}
		}
		out.Memory.Reservation = &r.MemoryReservation
	}
	if r.CPUs != 0 || r.CPUShares != 0 || r.CPUSet != "" || r.MemoryNodes != "" {
		out.CPU = &specs.LinuxCPU{Cpus: r.CPUSet, Mems: r.MemoryNodes}
		if r.CPUs != 0 {
			period, quota := uint64(cpuPeriod), int64(math.Round(r.CPUs*cpuPeriod))
			out.CPU.Period, out.CPU.Quota = &period, &quota
		}
		if r.CPUShares != 0 {
			shares := uint64(r.CPUShares)
			out.CPU.Shares = &shares
		}
	}
	if r.PIDs != 0 {
		out.Pids = &specs.LinuxPids{Limit: &r.PIDs}
	}
	return out
}

func blockIO(r container.Resources, disks []Disk) *specs.LinuxBlockIO {
	if r.BlockIOWeight == 0 && len(r.BlockIO) == 0 {
		return nil
	}
	out := &specs.LinuxBlockIO{}
	if r.BlockIOWeight != 0 {
		weight := uint16(r.BlockIOWeight)
		out.Weight = &weight
	}
	for i, l := range r.BlockIO {
		add := func(to *[]specs.LinuxThrottleDevice, rate int64) {
			if rate != 0 {
				d := specs.LinuxThrottleDevice{Rate: uint64(rate)}
				d.Major, d.Minor = disks[i].Major, disks[i].Minor
				*to = append(*to, d)
			}
		}
		add(&out.ThrottleReadBpsDevice, l.ReadBPS)
		add(&out.ThrottleWriteBpsDevice, l.WriteBPS)
		add(&out.ThrottleReadIOPSDevice, l.ReadIOPS)
		add(&out.ThrottleWriteIOPSDevice, l.WriteIOPS)
	}
	return out
}

// CgroupPath is the container's, from the root of the hierarchy.
func (c *Container) CgroupPath() string {
	parent := c.Options.Resources.CgroupParent
	if parent == "" {
		parent = "caisson"
	}
	return path.Join("/", parent, c.ID)
}
