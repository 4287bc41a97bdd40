//go:build linux

package procstat

import (
	"os"
	"strconv"
	"strings"
)

// OOMKilled says whether a cgroup's file, memory.events or memory.oom_control, counts processes that were killed for
// their memory. A file that is not there counts none.
func OOMKilled(file string) bool {
	b, err := os.ReadFile(file)
	if err != nil {
		return false
	}
	for line := range strings.Lines(string(b)) {
		if k, v, ok := strings.Cut(strings.TrimSpace(line), " "); ok && k == "oom_kill" {
			n, err := strconv.Atoi(v)
			return err == nil && n > 0
		}
	}
	return false
}
