package seccomp_test

import (
	"strings"
	"testing"

	"github.com/elastic/go-seccomp-bpf/arch"
	"github.com/opencontainers/runtime-spec/specs-go"
	"github.com/stretchr/testify/require"

	"github.com/caisson-dev/caisson/agent/internal/seccomp"
)

// elasticErrors are entries of go-seccomp-bpf v1.6.0 that the kernel does not
// have, in the form "architecture name".
var elasticErrors = func() map[string]string {
	out := map[string]string{
		"SCMP_ARCH_AARCH64 fstatat":               "the call is newfstatat on 64-bit machines",
		"SCMP_ARCH_AARCH64 arch_specific_syscall": "a base for others, not a call",
		"SCMP_ARCH_ARM syscall_mask":              "a constant, not a call",
	}
	for _, n := range strings.Fields("_sysctl create_module epoll_ctl_old epoll_wait_old get_kernel_syms get_thread_area nfsservctl query_module set_thread_area uselib vserver") {
		out["SCMP_ARCH_X32 "+n] = "marked 64-bit only in the kernel's table"
	}
	for n := range arch.AARCH64.SyscallNames {
		if strings.HasSuffix(n, "_time64") || strings.HasSuffix(n, "64") && strings.Contains(n, "time") {
			out["SCMP_ARCH_AARCH64 "+n] = "64-bit times are for 32-bit machines"
		}
	}
	return out
}()

func TestTableEqualsElastic(t *testing.T) {
	for a, info := range map[specs.Arch]*arch.Info{specs.ArchX86_64: arch.X86_64, specs.ArchX86: arch.I386, specs.ArchX32: arch.X32,
		specs.ArchARM: arch.ARM, specs.ArchAARCH64: arch.AARCH64} {
		for name := range info.SyscallNames {
			got, ok := seccomp.Table()[name]
			if _, wrong := elasticErrors[string(a)+" "+name]; wrong {
				require.True(t, !ok || got[abis[a].column] == -1, "%s %s", a, name)
				continue
			}
			// By number: for x32 it has some names twice.
			require.Equal(t, name, info.SyscallNumbers[int(got[abis[a].column])], "%s %s", a, name)
		}
	}
}

// TestTableIsSound: no number twice, no name that only headers have.
func TestTableIsSound(t *testing.T) {
	table := seccomp.Table()
	require.Greater(t, len(table), 480)
	for column := range len(table["read"]) {
		used := map[int32]string{}
		for name, n := range table {
			if n[column] < 0 {
				continue
			}
			require.Empty(t, used[n[column]], "%s has the same number", name)
			used[n[column]] = name
		}
		require.NotEmpty(t, used[470], "listns is the same everywhere")
	}
	_, ok := table["fstatat"]
	require.False(t, ok)
}
