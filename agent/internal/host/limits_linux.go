package host

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// Processors are the numbers of those that are online, such as 0-7.
func Processors() (string, error) { return online("/sys/devices/system/cpu/online") }

// MemoryNodes are the numbers of those that are online: 0 in a kernel without NUMA.
func MemoryNodes() (string, error) { return online("/sys/devices/system/node/online") }

func online(file string) (string, error) {
	b, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return "0", nil
	}
	return strings.TrimSpace(string(b)), err
}

// OOMScoreAdj is this process's own score, which its children begin with.
func OOMScoreAdj() (adj int, err error) {
	b, err := os.ReadFile("/proc/self/oom_score_adj")
	if err != nil {
		return 0, err
	}
	if _, err := fmt.Sscan(string(b), &adj); err != nil {
		return 0, fmt.Errorf("/proc/self/oom_score_adj is not a number: %w", err)
	}
	return adj, nil
}

var rlimits = map[string]int{
	"as": unix.RLIMIT_AS, "core": unix.RLIMIT_CORE, "cpu": unix.RLIMIT_CPU, "data": unix.RLIMIT_DATA,
	"fsize": unix.RLIMIT_FSIZE, "locks": unix.RLIMIT_LOCKS, "memlock": unix.RLIMIT_MEMLOCK,
	"msgqueue": unix.RLIMIT_MSGQUEUE, "nice": unix.RLIMIT_NICE, "nofile": unix.RLIMIT_NOFILE, "nproc": unix.RLIMIT_NPROC,
	"rss": unix.RLIMIT_RSS, "rtprio": unix.RLIMIT_RTPRIO, "rttime": unix.RLIMIT_RTTIME,
	"sigpending": unix.RLIMIT_SIGPENDING, "stack": unix.RLIMIT_STACK,
}

// HardLimit is this process's own hard limit of a resource by its name in getrlimit(2), in lower case and without
// RLIMIT_; false if the kernel does not tell.
func HardLimit(name string) (uint64, bool) {
	n, known := rlimits[name]
	var own unix.Rlimit
	if !known || unix.Getrlimit(n, &own) != nil {
		return 0, false
	}
	return own.Max, true
}
