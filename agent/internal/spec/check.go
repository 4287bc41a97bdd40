package spec

import (
	"slices"
	"strconv"
	"strings"

	"github.com/caisson-dev/caisson/container"
)

// Check refuses what this host, or its user, lacks for options that are valid and complete.
func Check(o container.Options, f Facts) error {
	return firstError(
		func() error { return checkSources(o.Mounts, f.Sources) },
		func() error { return checkDevices(o.Resources.Devices, f.Devices) },
		func() error { return CheckResources(o.Resources, f) },
		func() error { return checkSecurity(o.Security, f) },
		func() error { return checkNamespaces(o.Namespaces, f) },
	)
}

func checkSources(mounts []container.Mount, sources []Source) error {
	for i, m := range mounts {
		if m.Type != container.MountBind {
			continue
		}
		if err := sources[i].Err; err != nil {
			return invalid("Options.Mounts[%d].Source %q: %w: create it first, or set CreateSource", i, m.Source, err)
		}
		slave := m.Propagation == container.PropagationSlave || m.Propagation == container.PropagationRSlave
		if at := sources[i].Private; slave && at != "" {
			return invalid("Options.Mounts[%d].Propagation: the host's mount at %s is private, so later mounts below it would not appear in the container: run mount --make-rshared on it, or use rprivate", i, at)
		}
	}
	return nil
}

func checkDevices(devices []container.Device, found []error) error {
	for i := range devices {
		if err := found[i]; err != nil {
			return invalid("Options.Resources.Devices[%d]: %w", i, err)
		}
	}
	return nil
}

// CheckResources is Check of limits alone.
func CheckResources(r container.Resources, f Facts) error {
	const field = "Options.Resources."
	if r.CPUs > float64(f.NumCPU) {
		return invalid(field+"CPUs %g: it must be between 0.01 and %d, the host's number of CPUs", r.CPUs, f.NumCPU)
	}
	if err := firstError(
		func() error { return checkSet(field+"CPUSet", r.CPUSet, f.Processors) },
		func() error { return checkSet(field+"MemoryNodes", r.MemoryNodes, f.MemoryNodes) },
		func() error { return checkDisks(r.BlockIO, f.Disks) },
		func() error { return checkControllers(r, f) },
	); err != nil {
		return err
	}
	switch {
	case r.MemorySwap != 0 && !f.Swap:
		return unsupported(field + "MemorySwap: the kernel does not account for swap: boot it with swapaccount=1, or leave the field out")
	case r.BlockIOWeight != 0 && !f.DiskWeights:
		return unsupported(field + "BlockIOWeight: the kernel does not support weights for block devices: leave the field out")
	case len(r.BlockIO) > 0 && !f.DiskLimits:
		return unsupported(field + "BlockIO: the kernel does not support limits for block devices: leave the field out")
	case r.OOMScoreAdj != 0 && !f.Host.MayRaise() && r.OOMScoreAdj < f.OOMScoreAdj:
		// The kernel lets only CAP_SYS_RESOURCE of the host lower the score below what it was.
		return unsupported(field+"OOMScoreAdj %d: without CAP_SYS_RESOURCE it can't be below the present %d", r.OOMScoreAdj, f.OOMScoreAdj)
	}
	return nil
}

func checkDisks(limits []container.BlockIOLimit, disks []Disk) error {
	for i, l := range limits {
		if err := disks[i].Err; err != nil {
			return invalid("Options.Resources.BlockIO[%d].Device %q: %w", i, l.Device, err)
		}
		same := func(d Disk) bool { return d.Disk == disks[i].Disk }
		if slices.ContainsFunc(disks[:i], same) {
			return invalid("Options.Resources.BlockIO[%d].Device %q: it is given twice", i, l.Device)
		}
	}
	return nil
}

// Controllers are those of cgroups that the limits need, by their names of version 1.
func Controllers(r container.Resources) (names []string) {
	for _, c := range []struct {
		name string
		need bool
	}{
		{"memory", r.Memory != 0 || r.MemoryReservation != 0},
		{"cpu", r.CPUs != 0 || r.CPUShares != 0},
		{"cpuset", r.CPUSet != "" || r.MemoryNodes != ""},
		{"pids", r.PIDs > 0},
		{"blkio", r.BlockIOWeight != 0 || len(r.BlockIO) > 0},
	} {
		if c.need {
			names = append(names, c.name)
		}
	}
	if r.CgroupParent != "" && len(names) == 0 {
		names = []string{"pids"} // any that every host has
	}
	return names
}

func checkControllers(r container.Resources, f Facts) error {
	for _, name := range Controllers(r) {
		if f.Host.Rootless {
			return unsupported("Options.Resources: a limit of %s: this user may not use the host's cgroups: run as root", name)
		}
		if err := f.Controllers[name]; err != nil {
			return unsupported("Options.Resources: a limit of %s: %w", name, err)
		}
	}
	return nil
}

// checkSet refuses numbers that are not online.
func checkSet(field, value, online string) error {
	if value == "" {
		return nil
	}
	want, _ := numberSet(value)
	have, ok := numberSet(online)
	for n := range want {
		if ok && !have[n] {
			return invalid("%s %q: the host has %s", field, value, online)
		}
	}
	return nil
}

// numberSet reads a list of numbers and ranges, such as 0-2,4: cpuset(7).
func numberSet(s string) (map[int]bool, bool) {
	set := map[int]bool{}
	for part := range strings.SplitSeq(s, ",") {
		from, to, isRange := strings.Cut(part, "-")
		if !isRange {
			to = from
		}
		a, err := strconv.ParseUint(from, 10, 13) // the kernel has at most 8192 of either
		if err != nil {
			return nil, false
		}
		b, err := strconv.ParseUint(to, 10, 13)
		if err != nil || b < a {
			return nil, false
		}
		for n := a; n <= b; n++ {
			set[int(n)] = true
		}
	}
	return set, true
}
