//go:build linux

package containers

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// oomKilled reads the kernel's count while the cgroup still is there.
func (s *Service) oomKilled(rec *Record) bool {
	if s.Host.Rootless {
		return false
	}
	file, key := filepath.Join("/sys/fs/cgroup/memory", rec.CgroupPath(), "memory.oom_control"), "oom_kill"
	if s.Host.Cgroups.Unified() {
		file = filepath.Join("/sys/fs/cgroup", rec.CgroupPath(), "memory.events")
	}
	b, err := os.ReadFile(file)
	if err != nil {
		return false
	}
	for line := range strings.Lines(string(b)) {
		if k, v, ok := strings.Cut(strings.TrimSpace(line), " "); ok && k == key {
			n, err := strconv.Atoi(v)
			return err == nil && n > 0
		}
	}
	return false
}
