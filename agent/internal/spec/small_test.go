package spec_test

import (
	"strings"
	"syscall"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/caisson-dev/caisson/agent/internal/apparmor"
	"github.com/caisson-dev/caisson/agent/internal/host"
	"github.com/caisson-dev/caisson/agent/internal/spec"
	"github.com/caisson-dev/caisson/container"
	"github.com/caisson-dev/caisson/internal/api"
)

func TestSignals(t *testing.T) {
	for text, want := range map[string]syscall.Signal{
		"SIGTERM": 15, "term": 15, "15": 15, "SIGKILL": 9, "SIGSYS": 31, "HUP": 1, "SIGIOT": 6, "SIGPOLL": 29, "SIGCLD": 17,
		"SIGRTMIN": 34, "SIGRTMIN+3": 37, "rtmin+30": 64, "64": 64,
	} {
		got, err := spec.ParseSignal(text)
		require.NoError(t, err, text)
		assert.Equal(t, want, got, text)
	}
	for _, text := range []string{"", "0", "-1", "65", "SIGWHAT", "SIGRTMIN+31", "SIGRTMIN-1", "SIGRTMINx", "SIG", "SIG0"} {
		_, err := spec.ParseSignal(text)
		require.ErrorIs(t, err, api.ErrInvalidArgument, text)
	}
	assert.Equal(t, "SIGTERM", spec.SignalName(15))
	assert.Equal(t, "37", spec.SignalName(37))
	assert.Equal(t, "0", spec.SignalName(0))
}

const passwd = "root:x:0:0::/root:/bin/sh\napp:x:1000:1001::/home/app:/bin/sh\n"
const group = "root:x:0:\napps:x:1001:\nvideo:x:44:app\naudio:x:29:\n"

func TestFindUser(t *testing.T) {
	for _, c := range []struct {
		who    string
		groups []string
		want   specs.User
		home   string
	}{
		{"", nil, specs.User{AdditionalGids: []uint32{0}}, "/root"},
		{"app", nil, specs.User{UID: 1000, GID: 1001, AdditionalGids: []uint32{1001, 44}}, "/home/app"},
		{"1000", nil, specs.User{UID: 1000, GID: 1001, AdditionalGids: []uint32{1001, 44}}, "/home/app"},
		{"app:audio", nil, specs.User{UID: 1000, GID: 29, AdditionalGids: []uint32{29}}, "/home/app"},
		{"7:8", nil, specs.User{UID: 7, GID: 8, AdditionalGids: []uint32{8}}, "/"},
		{"app", []string{"audio", "video", "9"}, specs.User{UID: 1000, GID: 1001, AdditionalGids: []uint32{1001, 44, 29, 9}}, "/home/app"},
	} {
		u, home, err := spec.FindUser(c.who, strings.NewReader(passwd), strings.NewReader(group))
		require.NoError(t, err, c.who)
		if c.groups != nil {
			u, err = spec.AddGroups(u, c.groups, strings.NewReader(group))
			require.NoError(t, err)
		}
		if len(c.groups) > 0 {
			assert.ElementsMatch(t, c.want.AdditionalGids, u.AdditionalGids, c.who)
			u.AdditionalGids = c.want.AdditionalGids
		}
		assert.Equal(t, c.want, u, c.who)
		assert.Equal(t, c.home, home, c.who)
	}
	_, _, err := spec.FindUser("nobody-here", strings.NewReader(passwd), strings.NewReader(group))
	require.ErrorIs(t, err, api.ErrInvalidArgument)
	_, err = spec.AddGroups(specs.User{}, []string{"nobody-here"}, strings.NewReader(group))
	require.ErrorContains(t, err, "Options.Process.Groups")
	_, home, err := spec.FindUser("0", strings.NewReader(""), strings.NewReader(""))
	require.NoError(t, err)
	assert.Equal(t, "/root", home, "an image without /etc/passwd")
}

func TestFitUser(t *testing.T) {
	app := specs.User{UID: 1000, AdditionalGids: []uint32{5}}
	u, err := spec.FitUser(app, host.Host{})
	require.NoError(t, err)
	assert.Equal(t, app, u)
	_, err = spec.FitUser(app, hosts["one-id"])
	require.ErrorIs(t, err, api.ErrUnsupported)
	require.ErrorContains(t, err, "/etc/subuid")
	u, err = spec.FitUser(specs.User{AdditionalGids: []uint32{5}}, hosts["one-id"])
	require.NoError(t, err)
	assert.Empty(t, u.AdditionalGids, "setgroups is denied")
}

func TestExec(t *testing.T) {
	c := &spec.Container{Hostname: "box", Dir: "/srv", Env: []string{"A=1"}}
	adj := 5
	first := &specs.Process{
		Capabilities: &specs.LinuxCapabilities{Bounding: []string{"CAP_KILL"}}, NoNewPrivileges: true, ApparmorProfile: "mine", OOMScoreAdj: &adj,
		Rlimits: []specs.POSIXRlimit{{Type: "RLIMIT_CORE"}},
	}
	p := c.Exec(spec.Command{Args: []string{"sh"}, Env: []string{"B=2"}}, specs.User{}, "/root", first, hosts["rootful-v2"])
	assert.Equal(t, "/srv", p.Cwd)
	assert.Equal(t, []string{"sh"}, p.Args)
	assert.Subset(t, p.Env, []string{"HOSTNAME=box", "HOME=/root", "A=1", "B=2"})
	assert.Equal(t, []string{"CAP_KILL"}, p.Capabilities.Effective, "confined as the first process is")
	assert.True(t, p.NoNewPrivileges)
	assert.Equal(t, "mine", p.ApparmorProfile)
	assert.Equal(t, first.Rlimits, p.Rlimits)
	assert.Equal(t, &adj, p.OOMScoreAdj)

	p = c.Exec(spec.Command{Args: []string{"sh"}, Dir: "/tmp"}, specs.User{UID: 1}, "/", first, hosts["rootful-v2"])
	assert.Equal(t, "/tmp", p.Cwd)
	assert.Empty(t, p.Capabilities.Effective, "a user that is not root")
	assert.Equal(t, []string{"CAP_KILL"}, p.Capabilities.Bounding)

	p = c.Exec(spec.Command{Args: []string{"sh"}, Privileged: true}, specs.User{}, "/root", first, hosts["rootful-v2"])
	assert.Equal(t, allCaps, p.Capabilities.Effective)
	assert.Empty(t, p.ApparmorProfile)

	p = c.Exec(spec.Command{Args: []string{"sh"}}, specs.User{}, "/root", &specs.Process{}, hosts["rootful-v2"])
	assert.Empty(t, p.Capabilities.Bounding, "ModifySpec took the capabilities away")
}

func TestValidateExec(t *testing.T) {
	require.NoError(t, spec.ValidateExec(spec.Command{Args: []string{"sh"}, Env: []string{"A=", "B"}, Dir: "/"}, "app:1"))
	for text, c := range map[string]spec.Command{
		"Args is empty": {}, "Args[1]": {Args: []string{"a", "\x00"}}, "Env": {Args: []string{"a"}, Env: []string{"=x"}}, "Dir": {Args: []string{"a"}, Dir: "x"},
	} {
		err := spec.ValidateExec(c, "")
		require.ErrorIs(t, err, api.ErrInvalidArgument)
		require.ErrorContains(t, err, "exec: "+text)
	}
	require.ErrorContains(t, spec.ValidateExec(spec.Command{Args: []string{"a"}}, "a:b:c"), "exec: User")
}

func TestChange(t *testing.T) {
	old := container.Resources{Memory: 64 << 20, MemorySwap: 96 << 20, CPUs: 1, ShmSize: 1 << 20}
	now, err := spec.ChangeResources(old, container.Resources{CPUs: 2, PIDs: 5})
	require.NoError(t, err)
	want := old
	want.CPUs, want.PIDs = 2, 5
	assert.Equal(t, want, now, "what is zero stays")
	for text, change := range map[string]container.Resources{
		"Resources.ShmSize": {ShmSize: 2 << 20}, "Resources.Ulimits": {Ulimits: []container.Ulimit{}}, "Resources.Memory": {Memory: 128 << 20},
		"Resources.Devices": {Devices: []container.Device{}}, "Resources.CPUs": {CPUs: 0.001}, "Resources.OOMScoreAdj": {OOMScoreAdj: 1},
		"Resources.CgroupParent": {CgroupParent: "x"}, "Resources.BlockIO": {BlockIO: []container.BlockIOLimit{}},
	} {
		_, err := spec.ChangeResources(old, change)
		require.ErrorIs(t, err, api.ErrInvalidArgument)
		require.ErrorContains(t, err, text)
	}

	o := container.Options{Lifecycle: container.LifecycleConfig{Restart: container.RestartPolicy{Mode: container.RestartAlways}}}
	p, err := spec.ChangePolicy(o, container.RestartPolicy{})
	require.NoError(t, err)
	assert.Equal(t, o.Lifecycle.Restart, p)
	p, err = spec.ChangePolicy(o, container.RestartPolicy{Mode: container.RestartNo})
	require.NoError(t, err)
	assert.Equal(t, container.RestartNo, p.Mode)
	_, err = spec.ChangePolicy(o, container.RestartPolicy{Mode: "sometimes"})
	require.ErrorIs(t, err, api.ErrInvalidArgument)
	require.ErrorContains(t, err, "UpdateOptions.Restart.Mode")
	_, err = spec.ChangePolicy(container.Options{AutoRemove: true}, container.RestartPolicy{Mode: container.RestartAlways})
	require.ErrorContains(t, err, "AutoRemove")
}

func TestRlimits(t *testing.T) {
	asked := []container.Ulimit{{Name: "nofile", Soft: 10, Hard: -1}, {Name: "core", Soft: -1, Hard: -1}}
	out, cut := spec.Rlimits(asked, nil)
	assert.Empty(t, cut)
	assert.Equal(t, uint64(1<<64-1), out[0].Hard)
	out, cut = spec.Rlimits(asked, map[string]uint64{"nofile": 100, "core": 1<<64 - 1})
	assert.Equal(t, asked[:1], cut)
	assert.Equal(t, specs.POSIXRlimit{Type: "RLIMIT_NOFILE", Soft: 10, Hard: 100}, out[0])
	assert.Equal(t, specs.POSIXRlimit{Type: "RLIMIT_CORE", Soft: 1<<64 - 1, Hard: 1<<64 - 1}, out[1])
}

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

func TestShare(t *testing.T) {
	var o container.Options
	for _, ns := range spec.Sharings(o) {
		spec.Share(&o, ns.Kind, "container:"+string(ns.Kind))
	}
	for _, ns := range spec.Sharings(o) {
		assert.Equal(t, string(ns.Kind), spec.ContainerOf(ns.Mode), ns.Field)
	}
}
