//go:build linux

package containers

import (
	"bufio"
	"fmt"
	"math"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/opencontainers/cgroups"

	"github.com/caisson-dev/caisson/agent/internal/process"
	"github.com/caisson-dev/caisson/agent/internal/wire"
	"github.com/caisson-dev/caisson/container"
	"github.com/caisson-dev/caisson/internal/api"
)

func (s *Service) stats(r *http.Request, _ wire.None) (api.Sample[container.Stats], error) {
	m, run, err := s.theirs(r)
	if err != nil {
		return api.Sample[container.Stats]{}, err
	}
	a := api.Sample[container.Stats]{Stats: container.Stats{Time: time.Now()}, Started: m.state().State.Started}
	if s.freezable(run) { // it has a cgroup
		err = m.cgroupStats(run, &a.Stats)
	} else {
		err = m.processStats(run, &a.Stats)
	}
	if err == nil && m.rec.Options.Network != container.NetworkHost {
		a.Stats.Networks, err = process.Look(run.proc.Process, func(pid int) (map[string]container.NetworkStats, error) {
			return networkStats(fmt.Sprintf("/proc/%d/net/dev", pid))
		})
	}
	if err != nil {
		if _, gone := m.current(); gone != nil { // it ended meanwhile
			return api.Sample[container.Stats]{}, gone
		}
		return api.Sample[container.Stats]{}, err
	}
	return a, nil
}

func (m *managed) cgroupStats(r *run, out *container.Stats) error {
	st, err := r.rc.Libcontainer().Stats()
	if err != nil {
		return err
	}
	return fillStats(st.CgroupStats, m.s.Host.CgroupV2, out)
}

// fillStats reads the cgroup's numbers as docker stats does.
func fillStats(c *cgroups.Stats, v2 bool, out *container.Stats) error {
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
	out.Pids = int(c.PidsStats.Current)
	if c.PidsStats.Limit != math.MaxUint64 {
		out.PidsLimit = int(c.PidsStats.Limit)
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

// processStats sums what the processes say of themselves.
func (m *managed) processStats(r *run, out *container.Stats) error {
	procs, err := m.processes(r)
	if err != nil {
		return err
	}
	out.Partial = true
	for _, p := range procs {
		out.CPU += p.CPU
		out.Memory += p.Memory
		out.Pids += p.Threads
	}
	out.MemoryLimit, err = hostMemory()
	return err
}

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

// networkStats reads a process's net/dev (proc_pid_net(5)): its network namespace's interfaces.
func networkStats(file string) (map[string]container.NetworkStats, error) {
	b, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	out := map[string]container.NetworkStats{}
	for line := range strings.Lines(string(b)) {
		name, values, ok := strings.Cut(line, ":")
		f := strings.Fields(values)
		if name = strings.TrimSpace(name); !ok || len(f) < 16 || name == "lo" {
			continue
		}
		var n [16]int64
		for i := range n {
			u, err := strconv.ParseUint(f[i], 10, 64)
			if err != nil {
				return nil, fmt.Errorf("%s does not parse: %w", file, err)
			}
			n[i] = clip(u)
		}
		out[name] = container.NetworkStats{
			RxBytes: n[0], RxPackets: n[1], RxErrors: n[2], RxDropped: n[3],
			TxBytes: n[8], TxPackets: n[9], TxErrors: n[10], TxDropped: n[11],
		}
	}
	return out, nil
}
