package container

import (
	"context"
	"errors"
	"iter"
	"time"

	"github.com/caisson-dev/caisson/internal/api"
)

// Stats says what a container uses.
type Stats struct {
	Time time.Time     `json:"time"`
	CPU  time.Duration `json:"cpu"` // processor time used since the start
	// SystemCPU is the processor time that all processors of the host have used and idled since it was started.
	SystemCPU time.Duration `json:"systemCPU"`
	// CPUs is how many processors the host has online.
	CPUs int `json:"cpus"`
	// CPUPercent is the use of processors since the sample before; in the first sample since the start. 100 is one
	// processor all the time.
	CPUPercent float64 `json:"cpuPercent"`
	// Memory is the memory in use, in bytes, without the page cache that the kernel can take back. This is what docker
	// stats shows.
	Memory int64 `json:"memory"`
	// MemoryLimit is the limit of the container in bytes, or the memory of the host.
	MemoryLimit int64 `json:"memoryLimit"`
	PIDs        int   `json:"pids"`                // processes and threads
	PIDsLimit   int   `json:"pidsLimit,omitempty"` // 0 means no limit
	// BlockRead and BlockWrite are bytes that were read from disks and written to them.
	BlockRead  int64 `json:"blockRead"`
	BlockWrite int64 `json:"blockWrite"`
	// Networks has the traffic by interface, without the loopback. It is empty for a container on the network of the
	// host.
	Networks map[string]NetworkStats `json:"networks,omitempty"`
	// Partial says that the container has no cgroup, which is common for ordinary users. CPU, Memory and PIDs are then
	// sums over the present processes, and BlockRead and BlockWrite are 0.
	Partial bool `json:"partial,omitempty"`
}

// NetworkStats counts what an interface received (Rx) and sent (Tx) since the start of the container.
type NetworkStats struct {
	RxBytes   int64 `json:"rxBytes"`
	RxPackets int64 `json:"rxPackets"`
	RxErrors  int64 `json:"rxErrors"`
	RxDropped int64 `json:"rxDropped"`
	TxBytes   int64 `json:"txBytes"`
	TxPackets int64 `json:"txPackets"`
	TxErrors  int64 `json:"txErrors"`
	TxDropped int64 `json:"txDropped"`
}

// Stats says what the running container uses now.
//
// Errors: ErrNotFound when the container is not there; ErrNotRunning when it does not run.
func (c *Container) Stats(ctx context.Context) (Stats, error) {
	a, err := c.stats(ctx)
	return a.Stats, err
}

func (c *Container) stats(ctx context.Context) (api.Sample[Stats], error) {
	var a api.Sample[Stats]
	if err := c.c.Do(ctx, api.ContainerStats.Of(c.id), nil, &a); err != nil {
		return a, err
	}
	a.Stats.CPUPercent = percent(a.Stats.CPU, a.Stats.Time.Sub(a.Started))
	return a, nil
}

func percent(cpu, wall time.Duration) float64 {
	if wall <= 0 || cpu <= 0 {
		return 0
	}
	return 100 * float64(cpu) / float64(wall)
}

// StatsOptions tune StatsStream.
type StatsOptions struct {
	// Interval is the time between two samples. Default: 1 s.
	Interval time.Duration
}

// StatsStream returns a sample at once and then one at every interval. It ends when the container's process ends, or is
// started again, or ctx ends. An error comes last.
//
// Errors: ErrNotFound when the container is not there; ErrNotRunning when it does not run at the beginning.
func (c *Container) StatsStream(ctx context.Context, opts StatsOptions) iter.Seq2[Stats, error] {
	if opts.Interval <= 0 {
		opts.Interval = time.Second
	}
	return func(yield func(Stats, error) bool) {
		last, err := c.stats(ctx)
		if !yield(last.Stats, err) || err != nil {
			return
		}
		t := time.NewTicker(opts.Interval)
		defer t.Stop()
		for {
			select {
			case <-t.C:
			case <-ctx.Done():
				yield(Stats{}, api.Ended(ctx))
				return
			}
			now, err := c.stats(ctx)
			if errors.Is(err, ErrNotRunning) || errors.Is(err, ErrNotFound) || err == nil && !now.Started.Equal(last.Started) {
				return
			}
			now.Stats.CPUPercent = percent(now.Stats.CPU-last.Stats.CPU, now.Stats.Time.Sub(last.Stats.Time))
			if !yield(now.Stats, err) || err != nil {
				return
			}
			last = now
		}
	}
}
