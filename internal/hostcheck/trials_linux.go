package hostcheck

import (
	"errors"
	"strings"

	"github.com/caisson-dev/caisson/internal/agentbin"
	"github.com/caisson-dev/caisson/internal/api"
)

// results are what the agent has tried.
type results struct {
	trials  map[string]string // why each does not work, by its name; empty: it does
	warning string
	none    bool  // there is no agent that could try
	err     error // why it could not begin
}

func (h host) tried() results {
	trials, warning, err := h.try()
	r := results{trials: map[string]string{}, warning: warning}
	var none *agentbin.NotFoundError
	switch {
	case errors.As(err, &none):
		r.none = true
	case err != nil:
		r.err = err
	}
	for _, t := range trials {
		r.trials[t.Name] = t.Err
	}
	return r
}

// why joins what does not work of several trials.
func (r results) why(names ...string) string {
	var all []string
	for _, name := range names {
		if r.trials[name] != "" {
			all = append(all, name+": "+strings.ReplaceAll(r.trials[name], "\n", "; "))
		}
	}
	return strings.Join(all, "; ")
}

// replace is the finding by a trial, where that was made: what was tried is more than what was read.
func (r results) replace(name string, read Finding) Finding {
	why, tried := r.trials[name]
	if !tried {
		return read
	}
	if why == "" {
		return Finding{Name: read.Name, Required: read.Required, OK: true}
	}
	if read.OK {
		read.OK, read.Fix = false, "put the store and the temporary directory on a file system such as ext4, xfs or tmpfs"
	}
	read.Problem = "an overlay can't be mounted: " + why
	return read
}

// The names of the findings by trial.
const (
	trialsFound = "trial"
	isolation   = "isolation"
	filters     = "seccomp"
	networks    = "networks"
)

// trials are the findings of what was tried: what containers are isolated by, their seccomp filter, and networks.
func (h host) trials(r results) []Finding {
	switch {
	case r.none:
		return []Finding{{Name: trialsFound, Problem: "what the start of a container needs was not tried, since there is no agent yet",
			Fix: "open a store once, which gets the agent, and check again"}}
	case r.err != nil:
		return []Finding{{Name: isolation, Required: true, Problem: r.err.Error(), Fix: h.place.unconfined()}}
	}
	isolated := Finding{Name: isolation, Required: true, OK: true}
	if why := r.why(api.TrialMounts, api.TrialNamespaces, api.TrialProc); why != "" {
		isolated.OK, isolated.Problem, isolated.Fix = false, "containers can't be isolated: "+why, h.place.unconfined()
	}
	filter := Finding{Name: filters, OK: true}
	if why := r.trials[api.TrialSeccomp]; why != "" {
		filter.OK, filter.Problem = false, "containers run only with the option Security.Seccomp \"unconfined\": "+why
		filter.Fix = "use a kernel with CONFIG_SECCOMP_FILTER"
		if h.place != machine {
			filter.Fix = h.place.unconfined()
		}
	}
	network := Finding{Name: networks, OK: true}
	if why := r.why(api.TrialNetns, api.TrialNetwork); why != "" {
		network.OK, network.Problem = false, "containers run only with the network host: "+why
		if r.trials[api.TrialNetns] == "" {
			network.Problem = "containers run only with the network none or host: " + r.trials[api.TrialNetwork]
		}
		network.Fix = "sudo modprobe -a bridge veth"
		if h.place != machine {
			network.Fix = h.place.unconfined()
		}
	}
	return []Finding{isolated, filter, network}
}
