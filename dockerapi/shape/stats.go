package shape

import (
	docker "github.com/moby/moby/api/types/container"

	"github.com/caisson-dev/caisson/container"
)

// Stats is a sample as docker stats reads it. last is the one before; its zero value means that there is none.
func Stats(info *container.Info, s container.Stats, last docker.StatsResponse) docker.StatsResponse {
	out := docker.StatsResponse{
		ID: info.ID, Name: "/" + info.Name, OSType: "linux", Read: s.Time, PreRead: last.Read, PreCPUStats: last.CPUStats,
		CPUStats: docker.CPUStats{
			CPUUsage: docker.CPUUsage{TotalUsage: uint64(s.CPU)}, SystemUsage: uint64(s.SystemCPU), OnlineCPUs: uint32(s.CPUs),
		},
		MemoryStats: docker.MemoryStats{Usage: uint64(s.Memory), Limit: uint64(s.MemoryLimit), Stats: map[string]uint64{}},
		PidsStats:   docker.PidsStats{Current: uint64(s.PIDs), Limit: uint64(s.PIDsLimit)},
		BlkioStats: docker.BlkioStats{IoServiceBytesRecursive: []docker.BlkioStatEntry{
			{Op: "read", Value: uint64(s.BlockRead)}, {Op: "write", Value: uint64(s.BlockWrite)},
		}},
	}
	for name, n := range s.Networks {
		if out.Networks == nil {
			out.Networks = map[string]docker.NetworkStats{}
		}
		out.Networks[name] = docker.NetworkStats{
			RxBytes: uint64(n.RxBytes), RxPackets: uint64(n.RxPackets), RxErrors: uint64(n.RxErrors), RxDropped: uint64(n.RxDropped),
			TxBytes: uint64(n.TxBytes), TxPackets: uint64(n.TxPackets), TxErrors: uint64(n.TxErrors), TxDropped: uint64(n.TxDropped),
		}
	}
	return out
}
