package host

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/opencontainers/cgroups"
	"golang.org/x/sys/unix"
)

// Controller returns the directory that a controller's cgroups are in. A controller has its name of version 1.
func (h Host) Controller(name string) (string, error) {
	if !h.Cgroups.Unified() {
		dir, err := cgroups.FindCgroupMountpoint("", name)
		if err != nil {
			return "", fmt.Errorf("the host has no cgroup controller %s mounted", name)
		}
		return dir, nil
	}
	if name == "blkio" {
		name = "io"
	}
	b, err := os.ReadFile("/sys/fs/cgroup/cgroup.controllers")
	if err != nil {
		return "", err
	}
	if !slices.Contains(strings.Fields(string(b)), name) {
		return "", fmt.Errorf("the host's cgroups have no controller %s", name)
	}
	return "/sys/fs/cgroup", nil
}

// CanLimit returns why this process can make no cgroup of a controller; nil if it can.
func (h Host) CanLimit(controller string) error {
	dir, err := h.Controller(controller)
	if err != nil {
		return err
	}
	if err := unix.Access(dir, unix.W_OK); err != nil {
		return fmt.Errorf("%s is not writable: %w", dir, err)
	}
	return nil
}

// CgroupFile says whether a controller's cgroups below the root have one of the files. It makes the engine's cgroup:
// the root itself has not all of them.
func (h Host) CgroupFile(controller string, names ...string) bool {
	dir, err := h.Controller(controller)
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

// CountsSwap says whether the kernel accounts for the swap of a cgroup.
func (h Host) CountsSwap() bool {
	return h.CgroupFile("memory", "memory.memsw.limit_in_bytes", "memory.swap.max")
}

// WeighsDisks says whether the kernel weighs the cgroups that use a block device.
func (h Host) WeighsDisks() bool {
	return h.CgroupFile("blkio", "blkio.weight", "blkio.bfq.weight", "io.weight", "io.bfq.weight")
}

// LimitsDisks says whether the kernel limits what a cgroup reads from a block device.
func (h Host) LimitsDisks() bool {
	return h.CgroupFile("blkio", "blkio.throttle.read_bps_device", "io.max")
}
