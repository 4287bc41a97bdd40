//go:build linux

package procstat

import (
	"bufio"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/caisson-dev/caisson/container"
)

// Machine describes the machine, as far as files of the kernel and of the system say it.
func Machine() (container.HostInfo, error) {
	var u unix.Utsname
	if err := unix.Uname(&u); err != nil {
		return container.HostInfo{}, os.NewSyscallError("uname", err)
	}
	h := container.HostInfo{Name: unix.ByteSliceToString(u.Nodename[:]), Kernel: unix.ByteSliceToString(u.Release[:])}
	var err error
	if h.Memory, err = hostMemory(); err != nil {
		return h, err
	}
	if _, h.CPUs, err = processors("/proc/stat"); err != nil {
		return h, err
	}
	if release, err := os.ReadFile("/etc/os-release"); err == nil { // a system may have none
		h.System, h.SystemVersion = released(string(release))
	}
	return h, nil
}

// released reads PRETTY_NAME and VERSION_ID of os-release(5).
func released(text string) (name, version string) {
	for line := range strings.Lines(text) {
		key, value, _ := strings.Cut(strings.TrimSpace(line), "=")
		switch value = strings.Trim(value, `"'`); key {
		case "PRETTY_NAME":
			name = value
		case "VERSION_ID":
			version = value
		}
	}
	return name, version
}

// tick is the unit of /proc/stat: USER_HZ, which is 100 on every architecture that Linux still has for servers.
const tick = time.Second / 100

// Processors adds what all processors of the machine have done together, and how many there are.
func Processors(out *container.Stats) (err error) {
	out.SystemCPU, out.CPUs, err = processors("/proc/stat")
	return err
}

// processors reads /proc/stat like docker stats does: guest times are parts of user and nice, and are not added.
func processors(file string) (all time.Duration, n int, err error) {
	f, err := os.Open(file)
	if err != nil {
		return 0, 0, err
	}
	defer f.Close()
	for sc := bufio.NewScanner(f); sc.Scan(); {
		fields := strings.Fields(sc.Text())
		switch {
		case len(fields) > 7 && fields[0] == "cpu":
			for _, v := range fields[1:8] {
				ticks, err := strconv.ParseInt(v, 10, 64)
				if err != nil {
					return 0, 0, fmt.Errorf("%s: %w", file, err)
				}
				all += time.Duration(ticks) * tick
			}
		case len(fields) > 0 && strings.HasPrefix(fields[0], "cpu"):
			n++
		case n > 0: // the lines of processors come first, and the rest is long
			return all, n, nil
		}
	}
	if n == 0 {
		return 0, 0, fmt.Errorf("%s has no line of a processor", file)
	}
	return all, n, nil
}
