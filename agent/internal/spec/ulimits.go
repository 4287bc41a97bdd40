package spec

import (
	"math"
	"slices"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/caisson-dev/caisson/container"
)

// rlimitNames are getrlimit(2)'s.
var rlimitNames = strings.Fields("as core cpu data fsize locks memlock msgqueue nice nofile nproc rss rtprio rttime sigpending stack")

func validateUlimits(limits []container.Ulimit) error {
	for i, u := range limits {
		same := func(v container.Ulimit) bool { return v.Name == u.Name }
		switch {
		case !slices.Contains(rlimitNames, u.Name):
			return invalid("Options.Resources.Ulimits[%d].Name %q: use a name from getrlimit(2), such as nofile", i, u.Name)
		case u.Soft < -1 || u.Hard < -1:
			return invalid("Options.Resources.Ulimits[%d] %s: soft %d, hard %d: each must be at least 0, or -1 for no limit", i, u.Name, u.Soft, u.Hard)
		case rlimit(u.Soft) > rlimit(u.Hard):
			return invalid("Options.Resources.Ulimits[%d] %s: the soft limit %d is above the hard limit %d", i, u.Name, u.Soft, u.Hard)
		case slices.ContainsFunc(limits[:i], same):
			return invalid("Options.Resources.Ulimits[%d] %s: it is given twice", i, u.Name)
		}
	}
	return nil
}

func rlimit(v int64) uint64 {
	if v < 0 {
		return math.MaxUint64 // RLIM_INFINITY
	}
	return uint64(v)
}

// Rlimits converts the limits. One that this process may not raise is cut to its own hard limit: no container would
// start otherwise, in most CI. The hard limits are by name; of those that this process may raise there are none. It
// returns which limits were cut, too.
func Rlimits(limits []container.Ulimit, hard map[string]uint64) (out []specs.POSIXRlimit, cut []container.Ulimit) {
	for _, u := range limits {
		r := specs.POSIXRlimit{Type: "RLIMIT_" + strings.ToUpper(u.Name), Soft: rlimit(u.Soft), Hard: rlimit(u.Hard)}
		if most, bound := hard[u.Name]; bound && r.Hard > most {
			r.Hard, r.Soft = most, min(r.Soft, most)
			cut = append(cut, u)
		}
		out = append(out, r)
	}
	return out, cut
}
