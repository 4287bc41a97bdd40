package host

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"slices"

	"github.com/opencontainers/cgroups"
	"golang.org/x/sys/unix"

	"github.com/caisson-dev/caisson/agent/internal/seccomp"
)

// Find looks at the surroundings of this process.
func Find() (Host, error) {
	one, err := OneID()
	if err != nil {
		return Host{}, err
	}
	kernel, err := seccomp.RunningKernel()
	if err != nil {
		return Host{}, err
	}
	h := Host{Arch: runtime.GOARCH, Rootless: Rootless(), OneID: one, Cgroups: hierarchies(), Kernel: kernel, Caps: Capabilities()}
	h.FixedCgroups = !h.Rootless && errors.Is(h.CanLimit("pids"), unix.EROFS)
	return h, nil
}

// Rootless says whether this process is in a user namespace of the agent's own. The hook that enters it sets the
// variable, which containers/storage reads too.
func Rootless() bool { return os.Getenv("_CONTAINERS_USERNS_CONFIGURED") != "" }

func hierarchies() Cgroups {
	switch {
	case cgroups.IsCgroup2UnifiedMode():
		return CgroupsV2
	case cgroups.IsCgroup2HybridMode():
		return CgroupsHybrid
	}
	return CgroupsV1
}

// HasMqueue says whether the host has POSIX message queues mounted.
func HasMqueue() bool {
	_, err := os.Stat("/dev/mqueue")
	return err == nil
}

// ThermalPaths tell a container what its neighbours do (GHSA-6fw5-f8r9-fgfm); each processor that counts has one.
func ThermalPaths() []string {
	found, _ := filepath.Glob("/sys/devices/system/cpu/cpu[0-9]*/thermal_throttle") // the pattern is well formed
	return found
}

// LoadsProfiles says whether this process can load an AppArmor profile into the kernel.
func (h Host) LoadsProfiles() bool {
	return !h.Rootless && h.AppArmor.Enabled() && h.AppArmor.CanLoad() && slices.Contains(h.Caps, "CAP_MAC_ADMIN")
}
