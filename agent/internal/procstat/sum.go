//go:build linux

package procstat

import (
	"github.com/caisson-dev/caisson/container"
)

// Sum adds up what processes say of themselves, where there is no cgroup to ask.
func Sum(procs []container.Process, out *container.Stats) error {
	out.Partial = true
	for _, p := range procs {
		out.CPU += p.CPU
		out.Memory += p.Memory
		out.PIDs += p.Threads
	}
	var err error
	out.MemoryLimit, err = hostMemory()
	return err
}
