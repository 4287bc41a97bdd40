//go:build linux

package containers

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	goruntime "runtime"
	"strings"

	"github.com/opencontainers/cgroups"
	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/caisson-dev/caisson/container"
	"github.com/caisson-dev/caisson/internal/api"
)

// minMemory is Docker's smallest memory limit: with less, the kernel may kill a container's init before it runs.
const minMemory = 6 << 20

// cpuPeriod is the kernel's default, in microseconds, and Docker's.
const cpuPeriod = 100_000

// validateResources refuses what can't be on any host.
func validateResources(r *container.Resources) error {
	const field = "Options.Resources."
	switch {
	case r.Memory != 0 && r.Memory < minMemory:
		return invalid(field+"Memory %d: at least 6 MiB (%d)", r.Memory, minMemory)
	case r.MemorySwap != 0 && r.Memory == 0:
		return invalid(field+"MemorySwap %d: it is memory and swap together: set Resources.Memory too", r.MemorySwap)
	case r.MemorySwap < -1, r.MemorySwap > 0 && r.MemorySwap < r.Memory:
		return invalid(field+"MemorySwap %d: it is memory and swap together: at least Resources.Memory (%d), or -1 for no limit", r.MemorySwap, r.Memory)
	case r.MemoryReservation != 0 && r.MemoryReservation < minMemory:
		return invalid(field+"MemoryReservation %d: at least 6 MiB (%d)", r.MemoryReservation, minMemory)
	case r.Memory != 0 && r.MemoryReservation > r.Memory:
		return invalid(field+"MemoryReservation %d: at most Resources.Memory (%d)", r.MemoryReservation, r.Memory)
	case math.IsNaN(r.CPUs), r.CPUs != 0 && (r.CPUs < 0.01 || r.CPUs > float64(goruntime.NumCPU())):
		return invalid(field+"CPUs %g: from 0.01 to %d, which the host has", r.CPUs, goruntime.NumCPU())
	case r.CPUShares != 0 && (r.CPUShares < 2 || r.CPUShares > 262144):
		return invalid(field+"CPUShares %d: from 2 to 262144", r.CPUShares)
	case r.PIDs < -1:
		return invalid(field+"PIDs %d: at least 1, or -1 for no limit", r.PIDs)
	case r.BlockIOWeight != 0 && (r.BlockIOWeight < 10 || r.BlockIOWeight > 1000):
		return invalid(field+"BlockIOWeight %d: from 10 to 1000", r.BlockIOWeight)
	case r.ShmSize < 0:
		return invalid(field+"ShmSize %d: it must not be negative", r.ShmSize)
	case r.OOMScoreAdj < -1000 || r.OOMScoreAdj > 1000:
		return invalid(field+"OOMScoreAdj %d: from -1000 to 1000", r.OOMScoreAdj)
	}
	if err := validateSet(field+"CPUSet", r.CPUSet, "/sys/devices/system/cpu/online"); err != nil {
		return err
	}
	if err := validateSet(field+"MemoryNodes", r.MemoryNodes, "/sys/devices/system/node/online"); err != nil {
		return err
	}
	if p := r.CgroupParent; p != "" {
		if strings.ContainsAny(p, "\x00\n") || filepath.Clean("/"+p) == "/" || strings.Contains("/"+p+"/", "/../") {
			return invalid(field+"CgroupParent %q: use the path of a cgroup below the root, without ..", p)
		}
	}
	if err := validateBlockIO(r.BlockIO); err != nil {
		return err
	}
	return validateUlimits(r.Ulimits)
}

// limits says whether a resource is limited that needs a cgroup.
func limits(r container.Resources) (controllers []string) {
	need := func(name string, is bool) {
		if is {
			controllers = append(controllers, name)
		}
	}
	need("memory", r.Memory != 0 || r.MemoryReservation != 0)
	need("cpu", r.CPUs != 0 || r.CPUShares != 0)
	need("cpuset", r.CPUSet != "" || r.MemoryNodes != "")
	need("pids", r.PIDs > 0)
	need("blkio", r.BlockIOWeight != 0 || len(r.BlockIO) > 0)
	return controllers
}

// canLimit refuses limits that this host, or its user, has no cgroup for.
func (h Host) canLimit(r container.Resources) error {
	asked := limits(r)
	if r.CgroupParent != "" && len(asked) == 0 {
		asked = []string{"pids"} // any that every host has
	}
	for _, name := range asked {
		if h.Rootless {
			return unsupported("Options.Resources: a limit of %s: this user has no rights on the host's cgroups: run as root", name)
		}
		dir, err := h.cgroupDir(name)
		if err != nil {
			return unsupported("Options.Resources: a limit of %s: %w", name, err)
		}
		if err := unix.Access(dir, unix.W_OK); err != nil {
			return unsupported("Options.Resources: a limit of %s: %s is not writable: %w", name, dir, err)
		}
	}
	if r.MemorySwap != 0 && !h.cgroupFile("memory", "memory.memsw.limit_in_bytes", "memory.swap.max") {
		return unsupported("Options.Resources.MemorySwap: the kernel does not account for swap: boot it with swapaccount=1, or leave the field out")
	}
	if r.BlockIOWeight != 0 && !h.cgroupFile("blkio", "blkio.weight", "blkio.bfq.weight", "io.weight", "io.bfq.weight") {
		return unsupported("Options.Resources.BlockIOWeight: the kernel has no weights of block devices")
	}
	if len(r.BlockIO) > 0 && !h.cgroupFile("blkio", "blkio.throttle.read_bps_device", "io.max") {
		return unsupported("Options.Resources.BlockIO: the kernel has no limits of block devices")
	}
	return h.canScore(r.OOMScoreAdj)
}

// canScore: the kernel lets only CAP_SYS_RESOURCE of the host lower the score below what it was.
func (h Host) canScore(adj int) error {
	if adj == 0 || h.mayRaise() {
		return nil
	}
	b, err := os.ReadFile("/proc/self/oom_score_adj")
	if err != nil {
		return err
	}
	var now int
	if _, err := fmt.Sscan(string(b), &now); err != nil {
		return fmt.Errorf("parse /proc/self/oom_score_adj: %w", err)
	}
	if adj < now {
		return unsupported("Options.Resources.OOMScoreAdj %d: without CAP_SYS_RESOURCE it can't be below the present %d", adj, now)
	}
	return nil
}

// cgroupDir is where a controller's cgroups of containers are, made if need be: some files are not in the root.
func (h Host) cgroupDir(controller string) (string, error) {
	if h.CgroupV2 {
		name := map[string]string{"blkio": "io"}[controller]
		if name == "" {
			name = controller
		}
		b, err := os.ReadFile("/sys/fs/cgroup/cgroup.controllers")
		if err != nil {
			return "", err
		}
		for _, has := range strings.Fields(string(b)) {
			if has == name {
				return "/sys/fs/cgroup", nil
			}
		}
		return "", fmt.Errorf("the host's cgroups have no controller %s", name)
	}
	dir, err := cgroups.FindCgroupMountpoint("", controller)
	if err != nil {
		return "", fmt.Errorf("the host has no cgroup controller %s mounted", controller)
	}
	return dir, nil
}

// cgroupFile says whether a controller's cgroups below the root have one of the files.
func (h Host) cgroupFile(controller string, names ...string) bool {
	dir, err := h.cgroupDir(controller)
	if err != nil {
		return false
	}
	if err := os.MkdirAll(filepath.Join(dir, "caisson"), 0o755); err != nil {
		return false
	}
	for _, n := range names {
		if found, err := filepath.Glob(filepath.Join(dir, "*", n)); err == nil && len(found) > 0 {
			return true
		}
	}
	return false
}

// linuxResources converts the limits. Devices are another matter.
func linuxResources(r container.Resources, swapAccounting bool) (*specs.LinuxResources, error) {
	out := &specs.LinuxResources{}
	if r.Memory != 0 {
		out.Memory = &specs.LinuxMemory{Limit: &r.Memory}
		switch {
		case r.MemorySwap != 0:
			out.Memory.Swap = &r.MemorySwap
		case swapAccounting: // Docker's default
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
	var err error
	out.BlockIO, err = blockIO(r)
	return out, err
}

// cgroupPath is the container's, from the root of the hierarchy.
func cgroupPath(rec *Record) string {
	parent := rec.Options.Resources.CgroupParent
	if parent == "" {
		parent = "caisson"
	}
	return filepath.Join("/", parent, rec.ID)
}

func unsupported(format string, args ...any) error {
	return api.Errorf(api.ErrUnsupported, format, args...)
}
