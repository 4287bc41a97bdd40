//go:build linux

package runc

import (
	"errors"
	"fmt"
	"time"

	"github.com/opencontainers/cgroups"
	"github.com/opencontainers/cgroups/manager"
	"golang.org/x/sys/unix"
)

// removeCgroup ends the processes of a container's control groups and removes them, by their path in each hierarchy. An
// agent that was killed while it started the container may have made them before libcontainer noted anything.
func removeCgroup(path string) error {
	m, err := manager.New(&cgroups.Cgroup{Path: path, Resources: &cgroups.Resources{}})
	if err != nil {
		return err
	}
	if !made(m) {
		return nil
	}
	for end := time.Now().Add(5 * time.Second); ; time.Sleep(time.Millisecond) {
		pids, err := m.GetAllPids()
		if err != nil || len(pids) == 0 {
			break // a hierarchy that has no such group has no processes in it
		}
		if time.Now().After(end) {
			return fmt.Errorf("control group %s: its processes do not end: %v", path, pids)
		}
		for _, pid := range pids {
			if err := unix.Kill(pid, unix.SIGKILL); err != nil && !errors.Is(err, unix.ESRCH) {
				return fmt.Errorf("control group %s: end process %d: %w", path, pid, err)
			}
		}
	}
	return m.Destroy()
}

// made says whether the group is in any hierarchy.
func made(m cgroups.Manager) bool {
	for _, dir := range m.GetPaths() {
		if cgroups.PathExists(dir) {
			return true
		}
	}
	return false
}
