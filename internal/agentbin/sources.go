package agentbin

import (
	"fmt"
	"slices"
	"strings"

	"github.com/caisson-dev/caisson/internal/api"
)

// sources are those that may be used: given by an option, else by the value of EnvSource, else all.
func sources(option []string, env string) ([]string, error) {
	list, what := option, "StoreOptions.AgentSources"
	if len(list) == 0 {
		if env = strings.TrimSpace(env); env == "" {
			return allSources, nil
		}
		list, what = strings.Split(env, ","), EnvSource
	}
	var allowed []string
	for _, s := range list {
		s = strings.TrimSpace(s)
		switch {
		case s == none && len(list) == 1:
			return nil, nil
		case !known(s):
			return nil, api.Errorf(api.ErrInvalidArgument, "%s: %q is not a source of agents: give some of %s, or %s alone", what, s, strings.Join(allSources, ", "), none)
		}
		allowed = append(allowed, s)
	}
	slices.SortFunc(allowed, func(a, b string) int { return slices.Index(allSources, a) - slices.Index(allSources, b) })
	return slices.Compact(allowed), nil
}

// problem is why a source has no agent, and what mends that.
type problem struct {
	why string
	fix string // empty: nothing that the user could do
}

func (p *problem) Error() string {
	if p.fix == "" {
		return p.why
	}
	return p.why + ": " + p.fix
}

func problemf(fix, format string, args ...any) *problem {
	return &problem{why: fmt.Sprintf(format, args...), fix: fix}
}

// refusal ends the search: an agent was found that must not be used.
type refusal struct{ error }
