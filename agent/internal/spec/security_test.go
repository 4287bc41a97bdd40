package spec_test

import (
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/caisson-dev/caisson/agent/internal/apparmor"
	"github.com/caisson-dev/caisson/agent/internal/spec"
	"github.com/caisson-dev/caisson/container"
)

// TestSeccomp: which profile a container gets.
func TestSeccomp(t *testing.T) {
	profile := func(s container.Security) *specs.LinuxSeccomp {
		c := &spec.Container{Command: []string{"x"}, Options: container.Options{Security: s}}
		made, err := spec.New(spec.Input{Container: c, Host: hosts["rootful-v2"]})
		require.NoError(t, err)
		return made.Linux.Seccomp
	}
	names := func(p *specs.LinuxSeccomp) (out []string) {
		for _, s := range p.Syscalls {
			out = append(out, s.Names...)
		}
		return out
	}
	assert.Contains(t, names(profile(container.Security{})), "read")
	assert.NotContains(t, names(profile(container.Security{})), "bpf")
	assert.Contains(t, names(profile(container.Security{CapAdd: []string{"CAP_SYS_ADMIN"}})), "bpf", "Docker's profile is one for the capabilities")
	assert.Nil(t, profile(container.Security{Seccomp: container.Unconfined}))
	assert.Nil(t, profile(container.Security{Privileged: true}))
	own := profile(container.Security{Privileged: true, Seccomp: `{"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [{"names": ["read"], "action": "SCMP_ACT_ALLOW"}]}`})
	assert.Equal(t, []string{"read"}, names(own))
}

// TestRenew: what ModifySpec made keeps its places, and has those that are new at each start.
func TestRenew(t *testing.T) {
	spc := func(root, ns, source string, more ...specs.Mount) *specs.Spec {
		return &specs.Spec{
			Root: &specs.Root{Path: root}, Process: &specs.Process{Args: []string{"x"}},
			Linux:  &specs.Linux{Namespaces: []specs.LinuxNamespace{{Type: specs.NetworkNamespace, Path: ns}, {Type: specs.PIDNamespace}}, Resources: &specs.LinuxResources{}},
			Mounts: append([]specs.Mount{{Destination: "/data", Source: source}}, more...),
		}
	}
	m := spec.Modification{Before: spc("/a", "/proc/1", "/v/1"), After: spc("/a", "/proc/1", "/v/1", specs.Mount{Destination: "/mine", Source: "/m"})}
	require.NoError(t, m.Validate())
	assert.Equal(t, spc("/b", "/proc/2", "/v/2", specs.Mount{Destination: "/mine", Source: "/m"}), m.Renew(spc("/b", "/proc/2", "/v/2")))

	m = spec.Modification{Before: spc("/a", "/proc/1", "/v/1"), After: spc("/own", "/proc/own", "/own")}
	assert.Equal(t, spc("/own", "/proc/own", "/own"), m.Renew(spc("/b", "/proc/2", "/v/2")), "what it changed is its own")

	m.After = &specs.Spec{}
	require.ErrorContains(t, m.Validate(), "Options.ModifySpec")
}

// TestAppArmor: which profile a container gets, and whether it is loaded first.
func TestAppArmor(t *testing.T) {
	for _, c := range []struct {
		name  string
		s     container.Security
		loads bool
		want  string
		load  bool
	}{
		{"default", container.Security{}, true, apparmor.Name, true},
		{"default where none can be loaded", container.Security{}, false, "", false},
		{"privileged", container.Security{Privileged: true}, true, "", false},
		{"unconfined", container.Security{AppArmor: container.Unconfined}, true, "", false},
		{"by name", container.Security{AppArmor: "mine", Privileged: true}, true, "mine", false},
		{"the default's name", container.Security{AppArmor: apparmor.Name}, true, apparmor.Name, true},
		{"the default's name where none can be loaded", container.Security{AppArmor: apparmor.Name}, false, apparmor.Name, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			profile, load := spec.AppArmor(c.s, c.loads)
			assert.Equal(t, c.want, profile)
			assert.Equal(t, c.load, load)
		})
	}
}
