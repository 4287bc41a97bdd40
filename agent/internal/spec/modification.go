package spec

import (
	"slices"

	"github.com/opencontainers/runtime-spec/specs-go"
)

// Modification is what Options.ModifySpec made of a specification.
type Modification struct {
	Before *specs.Spec `json:"before"`
	After  *specs.Spec `json:"after"`
}

// Validate refuses a specification without what the engine needs.
func (m Modification) Validate() error {
	a := m.After
	if a.Root == nil || a.Process == nil || a.Linux == nil || a.Linux.Resources == nil || len(a.Process.Args) == 0 {
		return invalid("Options.ModifySpec: it removed Root, Process, Process.Args, Linux or Linux.Resources: keep them, the engine needs them")
	}
	return nil
}

// Renew is the specification that a run uses: what ModifySpec made, with the places that are new at each start.
func (m Modification) Renew(fresh *specs.Spec) *specs.Spec {
	out := m.After
	if out.Root.Path == m.Before.Root.Path {
		out.Root.Path = fresh.Root.Path
	}
	for i, ns := range out.Linux.Namespaces {
		if slices.Contains(m.Before.Linux.Namespaces, ns) {
			for _, f := range fresh.Linux.Namespaces {
				if f.Type == ns.Type {
					out.Linux.Namespaces[i].Path = f.Path
				}
			}
		}
	}
	for i, mount := range out.Mounts {
		same := func(other specs.Mount) bool {
			return other.Destination == mount.Destination && other.Source == mount.Source
		}
		if slices.ContainsFunc(m.Before.Mounts, same) {
			for _, f := range fresh.Mounts {
				if f.Destination == mount.Destination {
					out.Mounts[i].Source = f.Source
				}
			}
		}
	}
	return out
}
