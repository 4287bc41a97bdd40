//go:build linux

package network

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"

	"github.com/caisson-dev/caisson/agent/internal/network/share"
)

// usualPorts are how many ports Linux has for sockets that name none, by default.
const usualPorts = 60999 - 32768 + 1

// capacity is what this process and its machine can give to containers. The limit of descriptors is the hard one, as
// package os has raised the other to it when the process started.
func capacity() (share.Amount, error) {
	var files unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &files); err != nil {
		return share.Amount{}, fmt.Errorf("ask for the limit of descriptors: %w", err)
	}
	var info unix.Sysinfo_t
	if err := unix.Sysinfo(&info); err != nil {
		return share.Amount{}, fmt.Errorf("ask for the machine's memory: %w", err)
	}
	m := share.Machine{Files: files.Cur, Memory: uint64(info.Totalram) * uint64(info.Unit), Ports: usualPorts}
	if b, err := os.ReadFile("/proc/sys/net/ipv4/ip_local_port_range"); err == nil {
		m.Ports = portsIn(string(b))
	}
	return m.Size(), nil
}

// portsIn reads the first and the last port.
func portsIn(text string) int {
	var first, last int
	if _, err := fmt.Sscan(text, &first, &last); err != nil || last < first {
		return usualPorts
	}
	return last - first + 1
}
