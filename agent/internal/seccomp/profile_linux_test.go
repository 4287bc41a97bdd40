package seccomp_test

import (
	"encoding/json"
	"runtime"
	"slices"
	"testing"

	moby "github.com/moby/profiles/seccomp"
	"github.com/opencontainers/runtime-spec/specs-go"
	"github.com/stretchr/testify/require"

	"github.com/caisson-dev/caisson/agent/internal/seccomp"
)

// TestProfileEqualsMoby compares with moby's own resolution, which knows the
// running machine only.
func TestProfileEqualsMoby(t *testing.T) {
	k, err := seccomp.RunningKernel()
	require.NoError(t, err)
	text, err := json.Marshal(moby.DefaultProfile())
	require.NoError(t, err)
	for name, caps := range capabilitySets {
		t.Run(name, func(t *testing.T) {
			spec := &specs.Spec{Process: &specs.Process{Capabilities: &specs.LinuxCapabilities{Bounding: caps}}}
			want, err := moby.GetDefaultProfile(spec)
			require.NoError(t, err)
			got, err := seccomp.Profile(caps, runtime.GOARCH, k)
			require.NoError(t, err)
			require.Equal(t, want, got)
			loaded, err := seccomp.Load(text, caps, runtime.GOARCH, k)
			require.NoError(t, err)
			require.Equal(t, want, loaded)
		})
	}
}

// TestProfile checks what the profile's conditions do, on both machines.
func TestProfile(t *testing.T) {
	old, recent := seccomp.Kernel{Major: 4, Minor: 4}, seccomp.Kernel{Major: 4, Minor: 8}
	for _, test := range []struct {
		name   string
		goarch string
		caps   []string
		kernel seccomp.Kernel
		call   call
		want   uint32
	}{
		{"ptrace before 4.8", "amd64", nil, old, call{audit: x86_64, nr: 101}, eperm},
		{"ptrace from 4.8", "amd64", nil, recent, call{audit: x86_64, nr: 101}, allow},
		{"ptrace with the capability", "amd64", []string{"CAP_SYS_PTRACE"}, old, call{audit: x86_64, nr: 101}, allow},
		{"arch_prctl", "amd64", nil, old, call{audit: x86_64, nr: 158}, allow},
		{"set_tls on arm", "arm64", nil, old, call{audit: arm, nr: 0xf0005}, allow},
		{"newfstatat on arm64", "arm64", nil, old, call{audit: aarch64, nr: 79}, allow},
		{"mount on arm64", "arm64", nil, old, call{audit: aarch64, nr: 40}, eperm},
		{"mount on arm64 with SYS_ADMIN", "arm64", []string{"CAP_SYS_ADMIN"}, old, call{audit: aarch64, nr: 40}, allow},
		{"clone3", "arm64", nil, old, call{audit: aarch64, nr: 435}, enosys},
		{"clone3 with SYS_ADMIN", "arm64", []string{"CAP_SYS_ADMIN"}, old, call{audit: aarch64, nr: 435}, allow},
		{"thread", "arm64", nil, old, call{audit: aarch64, nr: 220, args: [6]uint64{0x3d0f00}}, allow},
		{"user namespace", "arm64", nil, old, call{audit: aarch64, nr: 220, args: [6]uint64{0x10000000}}, eperm},
		{"keyctl with all capabilities", "amd64", capabilitySets["all"], recent, call{audit: x86_64, nr: 250}, eperm},
	} {
		t.Run(test.name, func(t *testing.T) {
			p, err := seccomp.Profile(test.caps, test.goarch, test.kernel)
			require.NoError(t, err)
			require.Equal(t, test.want, compiled(t, p, test.goarch).run(test.call))
		})
	}
	_, err := seccomp.Profile(nil, "riscv64", recent)
	require.ErrorIs(t, err, seccomp.ErrArch)
}

func TestLoadErrors(t *testing.T) {
	for _, test := range []struct{ profile, want string }{
		{``, "line 1: unexpected end of JSON input"},
		{"{\n\"defaultAction\": oops}", "line 2: invalid character 'o'"},
		{"{\n\n\"defaultAction\": 5}", "line 3: defaultAction: number instead of string"},
		{`{}`, "defaultAction: missing"},
		{`null`, "defaultAction: missing"},
		{`[]`, "line 1: "},
		{`{"defaultAction":"SCMP_ACT_NOPE"}`, `defaultAction: unknown action "SCMP_ACT_NOPE"`},
		{`{"defaultAction":"SCMP_ACT_ALLOW","architectures":["SCMP_ARCH_X86"],"archMap":[{"architecture":"SCMP_ARCH_X86_64"}]}`, "architectures and archMap: only one"},
		{`{"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{"names":["a"],"action":"SCMP_ACT_LOG","includes":{"caps":["CAP_X"]}},{"names":["a"],"action":"oops"}]}`, `syscalls[1].action: unknown action "oops"`},
		{`{"defaultAction":"SCMP_ACT_ALLOW","syscalls":[null]}`, "syscalls[0]: null"},
		{`{"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{"name":"a","names":["b"],"action":"SCMP_ACT_ERRNO"}]}`, "syscalls[0]: name and names"},
		{`{"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{"names":["a"],"action":"SCMP_ACT_ERRNO","args":[{"index":7,"op":"SCMP_CMP_EQ"}]}]}`, "syscalls[0].args[0].index: 7"},
		{`{"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{"names":["a"],"action":"SCMP_ACT_ERRNO","includes":{"minKernel":"4"}}]}`, `invalid kernel version: "4", expected "<kernel>.<major>"`},
	} {
		t.Run(test.want, func(t *testing.T) {
			_, err := seccomp.Load([]byte(test.profile), nil, "amd64", seccomp.Kernel{Major: 6})
			require.ErrorIs(t, err, seccomp.ErrProfile)
			require.ErrorContains(t, err, test.want)
		})
	}
}

func TestLoadOldForm(t *testing.T) {
	p, err := seccomp.Load([]byte(`{"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{"name":"mkdir","action":"SCMP_ACT_ERRNO","args":null,"comment":"x","includes":{},"excludes":{}}]}`),
		nil, "amd64", seccomp.Kernel{Major: 6})
	require.NoError(t, err)
	require.Equal(t, []string{"mkdir"}, p.Syscalls[0].Names)
	require.EqualValues(t, eperm, compiled(t, p, "amd64").run(call{audit: x86_64, nr: 83}))
}

func TestParseKernel(t *testing.T) {
	for _, release := range []string{"6.18", "6.18.44-generic", "6.18-1-amd64", "6.18-rc5"} {
		k, err := seccomp.ParseKernel(release)
		require.NoError(t, err)
		require.Equal(t, seccomp.Kernel{Major: 6, Minor: 18}, k)
	}
	_, err := seccomp.ParseKernel("generic")
	require.ErrorContains(t, err, `"generic"`)
	require.True(t, seccomp.Kernel{Major: 7}.AtLeast(seccomp.Kernel{Major: 6, Minor: 18}))
	require.False(t, seccomp.Kernel{Major: 6, Minor: 17}.AtLeast(seccomp.Kernel{Major: 6, Minor: 18}))
}

func TestCache(t *testing.T) {
	var c seccomp.Cache
	a, err := seccomp.Profile(dockerCaps, "amd64", seccomp.Kernel{Major: 6})
	require.NoError(t, err)
	first, err := c.Compile(a, "amd64")
	require.NoError(t, err)
	b, err := seccomp.Profile(slices.Clone(dockerCaps), "amd64", seccomp.Kernel{Major: 6})
	require.NoError(t, err)
	again, err := c.Compile(b, "amd64")
	require.NoError(t, err)
	require.Same(t, &first[0], &again[0], "equal content, compiled once")

	b.Syscalls[0].Names = b.Syscalls[0].Names[1:]
	changed, err := c.Compile(b, "amd64")
	require.NoError(t, err)
	require.NotEqual(t, first, changed)
	for i := range uint(200) {
		b.DefaultErrnoRet = &i
		_, err := c.Compile(b, "arm64")
		require.NoError(t, err)
	}
	_, err = c.Compile(nil, "amd64")
	require.ErrorIs(t, err, seccomp.ErrProfile)
}

func BenchmarkCompile(b *testing.B) {
	p, err := seccomp.Profile(dockerCaps, "amd64", seccomp.Kernel{Major: 6})
	require.NoError(b, err)
	for b.Loop() {
		if _, err := seccomp.Compile(p, "amd64"); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkCacheHit(b *testing.B) {
	var c seccomp.Cache
	p, err := seccomp.Profile(dockerCaps, "amd64", seccomp.Kernel{Major: 6})
	require.NoError(b, err)
	for b.Loop() {
		if _, err := c.Compile(p, "amd64"); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkProfile(b *testing.B) {
	for b.Loop() {
		if _, err := seccomp.Profile(dockerCaps, "amd64", seccomp.Kernel{Major: 6}); err != nil {
			b.Fatal(err)
		}
	}
}
