//go:build linux

package procstat

import (
	"bufio"
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/caisson-dev/caisson/container"
)

// List describes processes, with user ids for names, by their pids in the container. Those that have ended are left out.
func List(pids []int) ([]container.Process, error) {
	boot, err := bootTime()
	if err != nil {
		return nil, err
	}
	out := []container.Process{} // JSON: not null
	inside := map[int]int{}      // pids in the container by pids of the host
	for _, pid := range pids {
		p, err := readProcess(fmt.Sprintf("/proc/%d/", pid), pid, boot)
		if errors.Is(err, fs.ErrNotExist) || errors.Is(err, unix.ESRCH) {
			continue // ended
		}
		if err != nil {
			return nil, err
		}
		inside[pid] = p.PID
		out = append(out, *p)
	}
	for i := range out {
		out[i].ParentPID = inside[out[i].ParentPID]
	}
	slices.SortFunc(out, func(a, b container.Process) int { return cmp.Compare(a.PID, b.PID) })
	return out, nil
}

// InNamespace returns the processes in the pid namespace of init.
func InNamespace(init int) ([]int, error) {
	want, err := os.Readlink(fmt.Sprintf("/proc/%d/ns/pid", init))
	if err != nil {
		return nil, err
	}
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil, err
	}
	var pids []int
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		// Another user's process can't be asked, and is none of the container's.
		if ns, err := os.Readlink("/proc/" + e.Name() + "/ns/pid"); err == nil && ns == want {
			pids = append(pids, pid)
		}
	}
	return pids, nil
}

// ticks per second of the times in /proc: USER_HZ, 100 on every architecture that Go runs on.
const ticks = 100

// readProcess reads /proc/PID, which is dir. The parent is the host's number as yet.
func readProcess(dir string, pid int, boot time.Time) (*container.Process, error) {
	stat, err := os.ReadFile(dir + "stat")
	if err != nil {
		return nil, err
	}
	// The name is in parentheses and may have some itself (proc_pid_stat(5)).
	open, end := bytes.IndexByte(stat, '('), bytes.LastIndexByte(stat, ')')
	if open < 0 || end < open {
		return nil, fmt.Errorf("%sstat does not parse", dir)
	}
	f := strings.Fields(string(stat[end+1:])) // from field 3 on
	if len(f) < 22 {
		return nil, fmt.Errorf("%sstat does not parse", dir)
	}
	num := func(field int) int64 {
		n, _ := strconv.ParseInt(f[field-3], 10, 64) // the kernel's own
		return n
	}
	p := &container.Process{
		PID: pid, HostPID: pid, ParentPID: int(num(4)), State: f[0], TTY: num(7) != 0, Threads: int(num(20)),
		CPU:     time.Duration(num(14)+num(15)) * time.Second / ticks,
		Started: boot.Add(time.Duration(num(22)) * time.Second / ticks),
		Memory:  num(24) * int64(os.Getpagesize()),
	}
	if err := readStatus(dir+"status", p); err != nil {
		return nil, err
	}
	line, err := os.ReadFile(dir + "cmdline")
	if err != nil {
		return nil, err
	}
	if p.Command = strings.Split(strings.TrimRight(string(line), "\x00"), "\x00"); len(line) == 0 {
		p.Command = []string{"[" + string(stat[open+1:end]) + "]"}
	}
	return p, nil
}

// readStatus reads the user and the pid in the innermost namespace.
func readStatus(file string, p *container.Process) error {
	b, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	for line := range strings.Lines(string(b)) {
		key, value, _ := strings.Cut(line, ":")
		f := strings.Fields(value)
		switch {
		case len(f) == 0:
		case key == "Uid" && len(f) == 4:
			p.User = f[1] // the effective one, as ps shows it
		case key == "NSpid":
			if n, err := strconv.Atoi(f[len(f)-1]); err == nil {
				p.PID = n
			}
		}
	}
	return nil
}

var bootTime = sync.OnceValues(func() (time.Time, error) {
	f, err := os.Open("/proc/stat")
	if err != nil {
		return time.Time{}, err
	}
	defer f.Close()
	for sc := bufio.NewScanner(f); sc.Scan(); {
		if v, ok := strings.CutPrefix(sc.Text(), "btime "); ok {
			n, err := strconv.ParseInt(v, 10, 64)
			return time.Unix(n, 0), err
		}
	}
	return time.Time{}, errors.New("/proc/stat has no btime")
})
