package container_test

import (
	"net/netip"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/caisson-dev/caisson/container"
	"github.com/caisson-dev/caisson/internal/testenv"
)

// capsOf returns a line of /proc/self/status in a container.
func statusOf(t testing.TB, e *container.Engine, opts container.Options) map[string]string {
	t.Helper()
	opts.Cmd = []string{"cat", "/proc/self/status"}
	out, errs, _ := run(t, e, opts)
	got := map[string]string{}
	for line := range strings.Lines(out) {
		k, v, _ := strings.Cut(line, ":")
		got[k] = strings.TrimSpace(v)
	}
	require.NotEmpty(t, got, errs)
	return got
}

func TestCapabilities(t *testing.T) {
	t.Parallel()
	e := newEngine(t)
	const chown, netAdmin, docker = 1 << 0, 1 << 12, 0xa80425fb
	hex := func(n uint64) string {
		const digits = "0123456789abcdef"
		b := []byte("0000000000000000")
		for i := 15; n > 0; i, n = i-1, n>>4 {
			b[i] = digits[n&15]
		}
		return string(b)
	}
	for _, tc := range []struct {
		name string
		sec  container.Security
		want uint64
	}{
		{"Docker's", container.Security{}, docker},
		{"one more", container.Security{CapAdd: []string{"net_admin"}}, docker | netAdmin},
		{"one less", container.Security{CapDrop: []string{"CAP_CHOWN"}}, docker &^ chown},
		{"none", container.Security{CapDrop: []string{"all"}}, 0},
		{"one alone", container.Security{CapDrop: []string{"ALL"}, CapAdd: []string{"CHOWN"}}, chown},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got := statusOf(t, e, container.Options{Security: tc.sec})
			for _, set := range []string{"CapBnd", "CapEff", "CapPrm"} {
				assert.Equal(t, hex(tc.want), got[set], set)
			}
			assert.Equal(t, hex(0), got["CapAmb"])
			assert.Equal(t, hex(0), got["CapInh"])
		})
	}
	own, err := os.ReadFile("/proc/self/status")
	require.NoError(t, err)
	all := statusOf(t, e, container.Options{Security: container.Security{CapAdd: []string{"ALL"}, CapDrop: []string{"NET_ADMIN"}}})["CapBnd"]
	if os.Geteuid() == 0 {
		assert.NotContains(t, string(own), all, "all that this process has, but one")
	}
	assert.NotEqual(t, hex(docker), all)
}

func TestCapabilitiesOfAUser(t *testing.T) {
	t.Parallel()
	testenv.ManyIDs(t)
	e := newEngine(t)
	got := statusOf(t, e, container.Options{User: "alice", Security: container.Security{CapAdd: []string{"NET_ADMIN"}}})
	assert.Equal(t, "0000000000000000", got["CapEff"])
	assert.Equal(t, "00000000a80435fb", got["CapBnd"])
	assert.Equal(t, "1000\t1000\t1000\t1000", got["Uid"])
}

// TestConfinementOfCommands: what holds for the container's process holds for each command in it.
func TestConfinementOfCommands(t *testing.T) {
	t.Parallel()
	e := newEngine(t)
	c := start(t, e, container.Options{Cmd: []string{"sleep", "1h"}, Security: container.Security{
		CapDrop: []string{"ALL"}, CapAdd: []string{"KILL"}, NoNewPrivileges: true,
	}})
	out, err := c.Command("/bin/testbox", "cat", "/proc/self/status").Output(t.Context())
	require.NoError(t, err)
	for _, line := range []string{"CapBnd:\t0000000000000020", "CapEff:\t0000000000000020", "NoNewPrivs:\t1", "Seccomp:\t2"} {
		assert.Contains(t, string(out), line+"\n")
	}
}

func TestSeccompOptions(t *testing.T) {
	t.Parallel()
	e := newEngine(t)
	assert.Equal(t, "0", statusOf(t, e, container.Options{Security: container.Security{Seccomp: container.Unconfined}})["Seccomp"])
	profile := `{"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{"names":["sethostname"],"action":"SCMP_ACT_ERRNO","errnoRet":38},{"names":["mkdirat","mkdir"],"action":"SCMP_ACT_ERRNO","errnoRet":95}]}`
	_, errs, st := run(t, e, container.Options{Cmd: []string{"mkdir", "/work/x"}, Security: container.Security{Seccomp: profile}})
	assert.Equal(t, 1, st.ExitCode)
	assert.Contains(t, errs, "operation not supported", "the profile's own errno")
	c := start(t, e, container.Options{Cmd: []string{"sleep", "1h"}, Security: container.Security{Seccomp: profile}})
	err := c.Command("/bin/testbox", "mkdir", "/work/x").Run(t.Context())
	require.Error(t, err, "a command is under the profile too")

	// The profile follows the capabilities: with CAP_SYS_ADMIN, unshare(CLONE_NEWUSER) passes the filter.
	_, errs, _ = run(t, e, container.Options{Cmd: []string{"nns"}, Security: container.Security{CapAdd: []string{"SYS_ADMIN"}}})
	assert.Contains(t, errs, "invalid argument", "the kernel's answer to a process with threads, not the filter's")
}

func TestNoNewPrivileges(t *testing.T) {
	t.Parallel()
	e := newEngine(t)
	assert.Equal(t, "0", statusOf(t, e, container.Options{})["NoNewPrivs"])
	assert.Equal(t, "1", statusOf(t, e, container.Options{Security: container.Security{NoNewPrivileges: true}})["NoNewPrivs"])
}

func TestPrivileged(t *testing.T) {
	t.Parallel()
	e := newEngine(t)
	opts := container.Options{Security: container.Security{Privileged: true}}
	got := statusOf(t, e, opts)
	assert.Equal(t, "0", got["Seccomp"])
	if os.Geteuid() == 0 {
		b, err := os.ReadFile("/proc/thread-self/status") // the first thread may be another test's, which has changed its user
		require.NoError(t, err)
		assert.Contains(t, string(b), "CapPrm:\t"+got["CapEff"]+"\n", "all that the engine has")
	} else {
		assert.Regexp(t, "^0000..[3-9a-f]fffffffff$", got["CapEff"], "all, in the user's namespace")
	}
	opts.Cmd = []string{"chain", "cat", "/proc/self/mounts", ";", "ls", "/dev"}
	out, errs, st := run(t, e, opts)
	require.Zero(t, st.ExitCode, errs)
	assert.NotRegexp(t, `(?m)^\S+ /proc/\S+ `, out, "nothing of /proc is masked")
	assert.Regexp(t, `(?m)^sysfs /sys sysfs rw,`, out)
	assert.Contains(t, out, "/dev/kmsg\n", "a device of the host")
}

func TestUnmasked(t *testing.T) {
	t.Parallel()
	e := newEngine(t)
	out, _, _ := run(t, e, container.Options{Cmd: []string{"mounts"}})
	assert.Contains(t, out, " /proc/keys ")
	assert.Contains(t, out, " /proc/sys ro,")
	out, _, _ = run(t, e, container.Options{Cmd: []string{"mounts"}, Security: container.Security{Unmasked: true}})
	assert.NotContains(t, out, " /proc/keys ")
	assert.NotContains(t, out, " /proc/sys ro,")
}

func TestGroups(t *testing.T) {
	t.Parallel()
	testenv.ManyIDs(t)
	e := newEngine(t)
	out, _, _ := run(t, e, container.Options{Cmd: []string{"id"}, User: "alice", Process: container.ProcessConfig{Groups: []string{"4000", "root"}}})
	assert.Equal(t, "1000 1000 [0 1000 2000 4000]\n", out)
	c := start(t, e, container.Options{Cmd: []string{"sleep", "1h"}, User: "alice", Process: container.ProcessConfig{Groups: []string{"4000"}}})
	b, err := c.Command("/bin/testbox", "id").Output(t.Context())
	require.NoError(t, err)
	assert.Equal(t, "1000 1000 [1000 2000 4000]\n", string(b))
	err = create(t, e, container.Options{Process: container.ProcessConfig{Groups: []string{"nobodys"}}}).Start(t.Context())
	require.ErrorIs(t, err, container.ErrInvalidArgument)
	assert.ErrorContains(t, err, "nobodys")
}

func TestDevices(t *testing.T) {
	t.Parallel()
	e := newEngine(t)
	c := start(t, e, container.Options{
		Cmd:       []string{"sleep", "1h"},
		Resources: container.Resources{Devices: []container.Device{{Source: "/dev/null", Target: "/dev/void"}, {Source: "/dev/full", Target: "/dev/brim", Permissions: "r"}}},
	})
	require.NoError(t, c.Command("/bin/testbox", "write", "/dev/void", "x").Run(t.Context()))
	out, err := c.Command("/bin/testbox", "stat", "/dev/void").Output(t.Context())
	require.NoError(t, err)
	assert.Contains(t, string(out), "/dev/void 20666 ", "a character device")
}

// TestDeviceCgroup: what is not among the devices can't be opened, though root makes its node.
func TestDeviceCgroup(t *testing.T) {
	t.Parallel()
	limits(t)
	e := newEngine(t)
	tunnel := []string{"chain", "mknod", "/work/tun", "10", "200", ";", "open", "/work/tun"}
	_, refused, _ := run(t, e, container.Options{Cmd: tunnel})
	assert.Contains(t, refused, "open /work/tun: operation not permitted", "/dev/net/tun is not a device of every container")
	_, allowed, _ := run(t, e, container.Options{Cmd: tunnel, Security: container.Security{DeviceRules: []string{"c 10:200 rwm"}}})
	assert.NotContains(t, allowed, "operation not permitted")
	_, errs, st := run(t, e, container.Options{Cmd: []string{"chain", "mknod", "/work/kmsg", "1", "11", ";", "open", "/work/kmsg"}})
	assert.Equal(t, 1, st.ExitCode)
	assert.Contains(t, errs, "operation not permitted")
	_, errs, st = run(t, e, container.Options{
		Cmd:      []string{"chain", "mknod", "/work/kmsg", "1", "11", ";", "open", "/work/kmsg"},
		Security: container.Security{DeviceRules: []string{"c 1:11 rwm"}, CapAdd: []string{"SYSLOG"}},
	})
	assert.Zero(t, st.ExitCode, errs)
	_, errs, st = run(t, e, container.Options{
		Cmd:       []string{"open", "/dev/kmsg"},
		Resources: container.Resources{Devices: []container.Device{{Source: "/dev/kmsg"}}},
		Security:  container.Security{CapAdd: []string{"SYSLOG"}},
	})
	assert.Zero(t, st.ExitCode, errs)
}

func TestSysctls(t *testing.T) {
	t.Parallel()
	e := newEngine(t)
	out, errs, st := run(t, e, container.Options{
		Cmd:        []string{"cat", "/proc/sys/net/ipv4/ip_unprivileged_port_start", "/proc/sys/kernel/shm_rmid_forced"},
		Namespaces: container.Namespaces{Sysctls: map[string]string{"net.ipv4.ip_unprivileged_port_start": "77", "kernel.shm_rmid_forced": "1"}},
	})
	require.Zero(t, st.ExitCode, errs)
	assert.Equal(t, "77\n1\n", out)
}

func TestDomainAndAnnotations(t *testing.T) {
	t.Parallel()
	e := newEngine(t)
	out, errs, st := run(t, e, container.Options{Cmd: []string{"cat", "/proc/sys/kernel/domainname"}, Networking: container.NetworkingConfig{Domain: "example.test"}, Annotations: map[string]string{"a": "b"}})
	require.Zero(t, st.ExitCode, errs)
	assert.Equal(t, "example.test\n", out)
}

func TestSharedNamespaces(t *testing.T) {
	t.Parallel()
	e := newEngine(t)
	a := start(t, e, container.Options{Cmd: []string{"sleep", "1h"}, Networking: container.NetworkingConfig{Hostname: "first"}})
	ns := func(kind string, c *container.Container) string {
		out, err := c.Command("/bin/testbox", "readlink", "/proc/self/ns/"+kind).Output(t.Context())
		require.NoError(t, err)
		return strings.TrimSpace(string(out))
	}
	own := func(kind string) string {
		link, err := os.Readlink("/proc/self/ns/" + kind)
		require.NoError(t, err)
		return link
	}
	with := "container:" + a.ID()[:12]
	b := start(t, e, container.Options{Cmd: []string{"sleep", "1h"}, Network: container.NetworkMode(with), Namespaces: container.Namespaces{
		IPC: container.NamespaceMode(with), UTS: container.NamespaceMode(with),
	}})
	for _, kind := range []string{"net", "ipc", "uts"} {
		assert.Equal(t, ns(kind, a), ns(kind, b), kind)
		assert.NotEqual(t, own(kind), ns(kind, b), kind)
	}
	assert.NotEqual(t, ns("pid", a), ns("pid", b))
	require.NoError(t, a.Command("/bin/testbox", "write", "/dev/shm/file", "shared").Run(t.Context()))
	out, err := b.Command("/bin/testbox", "cat", "/dev/shm/file", "/proc/sys/kernel/hostname", "/etc/hostname").Output(t.Context())
	require.NoError(t, err)
	assert.Equal(t, "sharedfirst\nfirst\n", string(out))

	host := start(t, e, container.Options{Cmd: []string{"sleep", "1h"}, Network: container.NetworkHost, Namespaces: container.Namespaces{IPC: "host", UTS: "host"}})
	for _, kind := range []string{"net", "ipc", "uts"} {
		assert.Equal(t, own(kind), ns(kind, host), kind)
	}
	netOnly := start(t, e, container.Options{Cmd: []string{"sleep", "1h"}, Network: container.NetworkHost, Networking: container.NetworkingConfig{Hostname: "mine"}})
	assert.NotEqual(t, own("uts"), ns("uts", netOnly), "the host's name is not the container's to change")

	require.NoError(t, a.Stop(t.Context(), container.StopOptions{}))
	require.NoError(t, b.Stop(t.Context(), container.StopOptions{Timeout: -1, Signal: "KILL"}))
	err = b.Start(t.Context())
	require.ErrorIs(t, err, container.ErrNotRunning)
	assert.ErrorContains(t, err, a.ID()[:12])
}

func TestSharedPIDNamespace(t *testing.T) {
	t.Parallel()
	limits(t)
	e := newEngine(t)
	a := start(t, e, container.Options{Cmd: []string{"sleep", "1h"}})
	b := start(t, e, container.Options{Cmd: []string{"chain", "fork", "sleep", "3h", ";", "sleep", "2h"}, Namespaces: container.Namespaces{PID: container.NamespaceMode("container:" + a.ID())}})
	ps := func() string {
		out, err := a.Command("/bin/testbox", "ps").Output(t.Context())
		require.NoError(t, err)
		return string(out)
	}
	waitForLog(t, b, "\n")
	assert.Contains(t, ps(), "sleep 2h")
	assert.Contains(t, ps(), "sleep 3h")
	require.NoError(t, b.Kill(t.Context(), ""))
	_, err := b.Wait(t.Context())
	require.NoError(t, err)
	assert.NotContains(t, ps(), "sleep 3h", "what it left in the other's namespace went with it")
	host := start(t, e, container.Options{Cmd: []string{"sleep", "1h"}, Namespaces: container.Namespaces{PID: "host"}})
	out, err := host.Command("/bin/testbox", "readlink", "/proc/self/ns/pid").Output(t.Context())
	require.NoError(t, err)
	link, err := os.Readlink("/proc/self/ns/pid")
	require.NoError(t, err)
	assert.Equal(t, link+"\n", string(out))
}

func TestSecurityErrors(t *testing.T) {
	t.Parallel()
	e := newEngine(t)
	sec := func(s container.Security) container.Options { return container.Options{Security: s} }
	for _, tc := range []struct {
		text string
		opts container.Options
		want error
	}{
		{`Options.Security.CapAdd[0] "MAGIC"`, sec(container.Security{CapAdd: []string{"MAGIC"}}), container.ErrInvalidArgument},
		{`Options.Security: CAP_KILL is in CapAdd and in CapDrop`, sec(container.Security{CapAdd: []string{"KILL"}, CapDrop: []string{"CAP_KILL"}}), container.ErrInvalidArgument},
		{`Options.Security.Privileged`, sec(container.Security{Privileged: true, CapDrop: []string{"KILL"}}), container.ErrInvalidArgument},
		{`Options.Security.Seccomp "/etc/profile.json"`, sec(container.Security{Seccomp: "/etc/profile.json"}), container.ErrInvalidArgument},
		{`Options.Security.Seccomp: `, sec(container.Security{Seccomp: `{"defaultAction":"SCMP_ACT_WHAT"}`}), container.ErrInvalidArgument},
		{`Options.Security.AppArmor "no-such-profile"`, sec(container.Security{AppArmor: "no-such-profile"}), container.ErrUnsupported},
		{`Options.Security.DeviceRules[0]`, sec(container.Security{DeviceRules: []string{"c 1:3"}}), container.ErrInvalidArgument},
		{`Options.Resources.Devices[0]: source "/no/such"`, container.Options{Resources: container.Resources{Devices: []container.Device{{Source: "/no/such"}}}}, container.ErrInvalidArgument},
		{`Options.Resources.Devices[0]: source "/etc/passwd": not a device`, container.Options{Resources: container.Resources{Devices: []container.Device{{Source: "/etc/passwd"}}}}, container.ErrInvalidArgument},
		{`Options.Resources.Devices[0].Source "null"`, container.Options{Resources: container.Resources{Devices: []container.Device{{Source: "null"}}}}, container.ErrInvalidArgument},
		{`Options.Resources.Devices[0].Permissions "x"`, container.Options{Resources: container.Resources{Devices: []container.Device{{Source: "/dev/null", Permissions: "x"}}}}, container.ErrInvalidArgument},
		{`Options.Namespaces.Sysctls "kernel.panic"`, container.Options{Namespaces: container.Namespaces{Sysctls: map[string]string{"kernel.panic": "1"}}}, container.ErrInvalidArgument},
		{`Options.Network "host"`, container.Options{Network: "host", Namespaces: container.Namespaces{Sysctls: map[string]string{"net.ipv4.ip_forward": "1"}}}, container.ErrInvalidArgument},
		{`Options.Namespaces.IPC "host"`, container.Options{Namespaces: container.Namespaces{IPC: "host", Sysctls: map[string]string{"kernel.sem": "1"}}}, container.ErrInvalidArgument},
		{`Options.Namespaces.PID "moon"`, container.Options{Namespaces: container.Namespaces{PID: "moon"}}, container.ErrInvalidArgument},
		{`Options.Namespaces.UTS: `, container.Options{Namespaces: container.Namespaces{UTS: "container:none"}}, container.ErrNotFound},
		{`Options.Networking.Hostname and Domain`, container.Options{Networking: container.NetworkingConfig{Hostname: "x"}, Namespaces: container.Namespaces{UTS: "host"}}, container.ErrInvalidArgument},
		{`Options.Resources.ShmSize`, container.Options{Resources: container.Resources{ShmSize: 1}, Namespaces: container.Namespaces{IPC: "host"}}, container.ErrInvalidArgument},
		{`Options.Process.Groups[0] ""`, container.Options{Process: container.ProcessConfig{Groups: []string{""}}}, container.ErrInvalidArgument},
		{`Options.Networking.Domain "a b"`, container.Options{Networking: container.NetworkingConfig{Domain: "a b"}}, container.ErrInvalidArgument},
		{`Options.Networking.Hosts[0] "x"`, container.Options{Networking: container.NetworkingConfig{Hosts: []string{"x"}}}, container.ErrInvalidArgument},
		{`Options.Networking.Hosts[0] "x:y"`, container.Options{Networking: container.NetworkingConfig{Hosts: []string{"x:y"}}}, container.ErrInvalidArgument},
		{`Options.Networking.DNS.Servers[0]`, container.Options{Networking: container.NetworkingConfig{DNS: container.DNS{Servers: []netip.Addr{{}}}}}, container.ErrInvalidArgument},
		{`Options.Networking.DNS.Search[0] "a\nb"`, container.Options{Networking: container.NetworkingConfig{DNS: container.DNS{Search: []string{"a\nb"}}}}, container.ErrInvalidArgument},
	} {
		t.Run(tc.text, func(t *testing.T) {
			tc.opts.Image = testImage
			_, err := e.Create(t.Context(), tc.opts)
			require.ErrorIs(t, err, tc.want)
			assert.ErrorContains(t, err, tc.text)
		})
	}
}
