//go:build linux

package containers

import (
	"log/slog"
	"slices"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/caisson-dev/caisson/container"
)

// rlimitNames are getrlimit(2)'s.
var rlimitNames = map[string]int{
	"as": unix.RLIMIT_AS, "core": unix.RLIMIT_CORE, "cpu": unix.RLIMIT_CPU, "data": unix.RLIMIT_DATA,
	"fsize": unix.RLIMIT_FSIZE, "locks": unix.RLIMIT_LOCKS, "memlock": unix.RLIMIT_MEMLOCK,
	"msgqueue": unix.RLIMIT_MSGQUEUE, "nice": unix.RLIMIT_NICE, "nofile": unix.RLIMIT_NOFILE, "nproc": unix.RLIMIT_NPROC,
	"rss": unix.RLIMIT_RSS, "rtprio": unix.RLIMIT_RTPRIO, "rttime": unix.RLIMIT_RTTIME,
	"sigpending": unix.RLIMIT_SIGPENDING, "stack": unix.RLIMIT_STACK,
}

func validateUlimits(limits []container.Ulimit) error {
	for i, u := range limits {
		same := func(v container.Ulimit) bool { return v.Name == u.Name }
		switch {
		case rlimitNames[u.Name] == 0 && u.Name != "cpu": // whose number is 0
			return invalid("Options.Resources.Ulimits[%d].Name %q: use one of getrlimit(2), as nofile", i, u.Name)
		case u.Soft < -1 || u.Hard < -1:
			return invalid("Options.Resources.Ulimits[%d] %s: soft %d, hard %d: at least 0, or -1 for none", i, u.Name, u.Soft, u.Hard)
		case rlimit(u.Soft) > rlimit(u.Hard):
			return invalid("Options.Resources.Ulimits[%d] %s: the soft limit %d is above the hard limit %d", i, u.Name, u.Soft, u.Hard)
		case slices.ContainsFunc(limits[:i], same):
			return invalid("Options.Resources.Ulimits[%d] %s: it is there twice", i, u.Name)
		}
	}
	return nil
}

func rlimit(v int64) uint64 {
	if v < 0 {
		return unix.RLIM_INFINITY
	}
	return uint64(v)
}

// rlimits converts the limits. One that this process may not raise is cut to its own hard limit: no container would
// start otherwise, in most CI.
func rlimits(limits []container.Ulimit, mayRaise bool, log *slog.Logger) []specs.POSIXRlimit {
	var out []specs.POSIXRlimit
	for _, u := range limits {
		r := specs.POSIXRlimit{Type: "RLIMIT_" + strings.ToUpper(u.Name), Soft: rlimit(u.Soft), Hard: rlimit(u.Hard)}
		var own unix.Rlimit
		if err := unix.Getrlimit(rlimitNames[u.Name], &own); err == nil && !mayRaise && r.Hard > own.Max {
			log.Warn("ulimit cut to the present hard limit", "name", u.Name, "asked", u.Hard, "limit", own.Max)
			r.Hard, r.Soft = own.Max, min(r.Soft, own.Max)
		}
		out = append(out, r)
	}
	return out
}

// mayRaise says whether this process may raise limits: CAP_SYS_RESOURCE counts in the first user namespace alone.
func (h Host) mayRaise() bool {
	return !h.Rootless && slices.Contains(availableCaps(), "CAP_SYS_RESOURCE")
}
