//go:build linux

package procstat

import (
	"bufio"
	"fmt"
	"math"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/opencontainers/cgroups"

	"github.com/caisson-dev/caisson/container"
)

// Cgroup reads the cgroup's numbers as docker stats does.
func Cgroup(c *cgroups.Stats, v2 bool, out *container.Stats) error {
	out.CPU = time.Duration(c.CpuStats.CpuUsage.TotalUsage)
	mem := c.MemoryStats
	cache := mem.Stats["total_inactive_file"]
	if v2 {
		cache = mem.Stats["inactive_file"]
	}
	usage := mem.Usage.Usage
	if cache < usage {
		usage -= cache
	}
	out.Memory = clip(usage)
	total, err := hostMemory()
	if err != nil {
		return err
	}
	if out.MemoryLimit = clip(mem.Usage.Limit); out.MemoryLimit == 0 || out.MemoryLimit > total {
		out.MemoryLimit = total
	}
	out.PIDs = int(c.PidsStats.Current)
	if c.PidsStats.Limit != math.MaxUint64 {
		out.PIDsLimit = int(c.PidsStats.Limit)
	}
	for _, e := range c.BlkioStats.IoServiceBytesRecursive {
		switch strings.ToLower(e.Op) {
		case "read":
			out.BlockRead += clip(e.Value)
		case "write":
			out.BlockWrite += clip(e.Value)
		}
	}
	return nil
}

func clip(n uint64) int64 { return int64(min(n, math.MaxInt64)) }

func hostMemory() (int64, error) {
	f, err := os.Open("/proc/meminfo")
	if err != nil {
		return 0, err
	}
	defer f.Close()
	for sc := bufio.NewScanner(f); sc.Scan(); {
		if v, ok := strings.CutPrefix(sc.Text(), "MemTotal:"); ok {
			n, err := strconv.ParseInt(strings.TrimSpace(strings.TrimSuffix(v, "kB")), 10, 64)
			return n << 10, err
		}
	}
	return 0, fmt.Errorf("/proc/meminfo has no MemTotal")
}
