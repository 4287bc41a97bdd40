//go:build linux

package procstat

import (
	"fmt"
	"os"
	"strconv"
	"strings"

	"github.com/caisson-dev/caisson/container"
)

// Network reads a process's net/dev (proc_pid_net(5)): its network namespace's interfaces.
func Network(file string) (map[string]container.NetworkStats, error) {
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
