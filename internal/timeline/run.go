package timeline

import (
	"fmt"
	"os"
	"strings"
	"sync"
	"time"
)

// Run names the run of go test that this process belongs to: the nearest of the processes above it that is the go command, and
// when that began. A process that no go command has started is a run of its own.
var Run = sync.OnceValue(func() string { return runOf(os.Getpid(), stat) })

func runOf(pid int, stat func(pid int) (process, error)) string {
	for at := pid; at > 1; {
		p, err := stat(at)
		if err != nil {
			break
		}
		if p.name == "go" {
			return fmt.Sprintf("go-%d-%s", at, p.started)
		}
		at = p.parent
	}
	return fmt.Sprintf("%d-%d", pid, time.Now().UnixNano())
}

type process struct {
	name    string
	parent  int
	started string // in ticks of the kernel's since it began
}

func stat(pid int) (process, error) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return process{}, err
	}
	return parseStat(string(b))
}

// parseStat reads /proc/PID/stat (proc_pid_stat(5)). The name may have spaces and parentheses.
func parseStat(line string) (p process, err error) {
	open, end := strings.IndexByte(line, '('), strings.LastIndexByte(line, ')')
	if open < 0 || end < open {
		return p, fmt.Errorf("%q is not a line of /proc/PID/stat", line)
	}
	fields := strings.Fields(line[end+1:]) // from field 3 on
	if len(fields) < 20 {
		return p, fmt.Errorf("%q is not a line of /proc/PID/stat", line)
	}
	p.name, p.started = line[open+1:end], fields[19]
	_, err = fmt.Sscan(fields[1], &p.parent)
	return p, err
}
