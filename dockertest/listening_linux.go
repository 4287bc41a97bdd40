package dockertest

import (
	"bufio"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
)

// listening lists the TCP ports on which something listens in the container's network; nothing where the host does not
// let this process look.
func (f *Fixture) listening() []string {
	f.mu.Lock()
	pid := f.info.PID
	f.mu.Unlock()
	var ports []string
	for _, name := range []string{"tcp", "tcp6"} {
		table, err := os.Open(fmt.Sprintf("/proc/%d/net/%s", pid, name))
		if err != nil {
			continue
		}
		for s := bufio.NewScanner(table); s.Scan(); {
			fields := strings.Fields(s.Text()) // proc_pid_net(5): sl, local_address, rem_address, st, …
			if len(fields) < 4 || fields[3] != "0A" {
				continue
			}
			_, hex, _ := strings.Cut(fields[1], ":")
			if port, err := strconv.ParseUint(hex, 16, 16); err == nil {
				if text := strconv.FormatUint(port, 10); !slices.Contains(ports, text) {
					ports = append(ports, text)
				}
			}
		}
		table.Close()
	}
	slices.Sort(ports)
	return ports
}
