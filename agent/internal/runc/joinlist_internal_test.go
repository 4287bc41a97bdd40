//go:build linux

package runc

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"syscall"
	"testing"

	"github.com/moby/sys/capability"
	"github.com/opencontainers/runtime-spec/specs-go"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/caisson-dev/caisson/agent/internal/calls"
	"github.com/caisson-dev/caisson/internal/api"
)

// joinProcess is a command of root's, with two of the five capabilities that its kernel has.
func joinProcess() *specs.Process {
	return &specs.Process{
		Args: []string{"ls", "-l"}, Env: []string{"HOME=/root", "PATH=/bin:.:/usr/bin"}, Cwd: "/srv",
		Capabilities: &specs.LinuxCapabilities{Bounding: []string{"CAP_CHOWN", "CAP_KILL", "CAP_NEW"}, Effective: []string{"CAP_KILL"}, Permitted: []string{"CAP_CHOWN", "CAP_KILL"}},
	}
}

const lastCap = capability.Cap(unix.CAP_KILL) // the fifth is the last

// lines are those of a list, without the 8192 bytes for each processor.
func lines(l *calls.List) string {
	return strings.ReplaceAll(l.String(), fmt.Sprintf("%x", allCPUs), "all")
}

// TestJoinList is the whole of two lists: of the least that a process has, and of the most.
func TestJoinList(t *testing.T) {
	t.Parallel()
	p := joinProcess()
	assert.Equal(t, `prctl PR_SET_NAME(15, "caisson:[start]")
sched_setaffinity(0, 8192, all) or invalid argument, operation not permitted
prctl PR_SET_DUMPABLE(4, 0)
fork(-1)
close(4)
setsid()
default signals
fcntl FD_CLOEXEC(3, 2, 1)
chdir("/srv") or permission denied, operation not permitted
prctl PR_CAPBSET_DROP(24, 1) or invalid argument
prctl PR_CAPBSET_DROP(24, 2) or invalid argument
prctl PR_CAPBSET_DROP(24, 3) or invalid argument
prctl PR_CAPBSET_DROP(24, 4) or invalid argument
prctl PR_SET_KEEPCAPS(8, 1)
setgid(0)
setuid(0)
if that failed: chdir("/srv")
getcwd
prctl PR_SET_KEEPCAPS(8, 0)
capset(2205082000000000, 200000002100000000000000000000000000000000000000)
prctl PR_CAP_AMBIENT_CLEAR_ALL(47, 4, 0, 0, 0) or invalid argument
prctl PR_SET_PDEATHSIG(1, 9)
await
execve("/bin/ls", ["ls" "-l"], ["HOME=/root" "PATH=/bin:.:/usr/bin"]) or no such file or directory, not a directory, permission denied
execve("/usr/bin/ls", ["ls" "-l"], ["HOME=/root" "PATH=/bin:.:/usr/bin"])
`, lines(joinList(p, p, joining{last: lastCap})))

	p.User = specs.User{UID: 7, GID: 8, AdditionalGids: []uint32{8, 9}}
	p.NoNewPrivileges, p.Args = true, []string{"./a"}
	p.Capabilities.Inheritable, p.Capabilities.Ambient = []string{"CAP_KILL"}, []string{"CAP_KILL"}
	p.Rlimits = []specs.POSIXRlimit{{Type: "RLIMIT_CORE", Soft: 1, Hard: 2}, {Type: "RLIMIT_NONE"}}
	score, umask := -500, uint32(0o27)
	j := joining{
		namespaces: unix.CLONE_NEWPID | unix.CLONE_NEWNS, cgroups: 2, unified: true, groups: true, chown: []int{1, 2},
		filter: make([]byte, 16), flags: 2, umask: &umask, last: lastCap,
	}
	assert.Equal(t, `prctl PR_SET_NAME(15, "caisson:[start]")
open oom_score_adj(-100, "/proc/self/oom_score_adj", 524289)
write oom_score_adj(8, "-500", 4)
close oom_score_adj(8)
join control group(5, "0", 1)
close(5)
join control group(6, "0", 1)
close(6)
sched_setaffinity(0, 8192, all) or invalid argument, operation not permitted
prctl PR_SET_DUMPABLE(4, 0)
setns(4, 536870912)
fork(7)
close(7)
setns(4, 131072)
close(4)
setsid()
default signals
fcntl FD_CLOEXEC(3, 2, 1)
prctl PR_SET_NO_NEW_PRIVS(38, 1)
umask(23)
prlimit RLIMIT_CORE(0, 4, 01000000000000000200000000000000, 0)
chdir("/srv") or permission denied, operation not permitted
prctl PR_CAPBSET_DROP(24, 1) or invalid argument
prctl PR_CAPBSET_DROP(24, 2) or invalid argument
prctl PR_CAPBSET_DROP(24, 3) or invalid argument
prctl PR_CAPBSET_DROP(24, 4) or invalid argument
prctl PR_SET_KEEPCAPS(8, 1)
fchown(1, 7, -1) or operation not permitted, read-only file system
fchown(2, 7, -1) or operation not permitted, read-only file system
setgroups(2, 0800000009000000)
setgid(8)
setuid(7)
if that failed: chdir("/srv")
getcwd
prctl PR_SET_KEEPCAPS(8, 0)
capset(2205082000000000, 200000002100000020000000000000000000000000000000)
prctl PR_CAP_AMBIENT_CLEAR_ALL(47, 4, 0, 0, 0) or invalid argument
prctl PR_CAP_AMBIENT_RAISE(47, 2, 5, 0, 0) or invalid argument, operation not permitted
prctl PR_SET_PDEATHSIG(1, 9)
await
seccomp(1, 2, 2 instructions)
execve("./a", ["./a"], ["HOME=/root" "PATH=/bin:.:/usr/bin"])
`, lines(joinList(&specs.Process{OOMScoreAdj: &score, Rlimits: []specs.POSIXRlimit{{Type: "RLIMIT_AS"}}}, p, j)))
}

// TestJoinFilter: who may not put a filter on itself without CAP_SYS_ADMIN has that until it has done so, and loses it
// under the filter. Behind the filter there is nothing else.
func TestJoinFilter(t *testing.T) {
	t.Parallel()
	p := joinProcess()
	end := func(last capability.Cap) []string {
		out := strings.Split(lines(joinList(p, p, joining{last: last, filter: make([]byte, 8)})), "\n")
		for i, line := range out {
			if strings.HasPrefix(line, "capset") {
				return out[i:]
			}
		}
		return nil
	}
	got := end(unix.CAP_SYS_ADMIN)
	require.Len(t, got, 9)
	assert.Equal(t, "capset(2205082000000000, 200020002100200000000000000000000000000000000000)", got[0])
	assert.Equal(t, []string{"await", "seccomp(1, 0, 1 instructions)", "capset(2205082000000000, 200000002100000000000000000000000000000000000000)"}, got[3:6])
	p.Capabilities.Effective = append(p.Capabilities.Effective, "CAP_SYS_ADMIN")
	p.Capabilities.Permitted = append(p.Capabilities.Permitted, "CAP_SYS_ADMIN")
	got = end(unix.CAP_SYS_ADMIN)
	require.Len(t, got, 8, "it keeps what it has anyway")
	assert.True(t, strings.HasPrefix(got[5], "execve"))
}

// TestJoinable: what a list can't do is left to libcontainer.
func TestJoinable(t *testing.T) {
	t.Parallel()
	linux := func(types ...specs.LinuxNamespaceType) *specs.Linux {
		l := &specs.Linux{}
		for _, typ := range types {
			l.Namespaces = append(l.Namespaces, specs.LinuxNamespace{Type: typ})
		}
		return l
	}
	assert.True(t, joinable(joinProcess(), joinProcess(), linux(specs.MountNamespace, specs.PIDNamespace)))
	for name, change := range map[string]func(p *specs.Process){
		"terminal":           func(p *specs.Process) { p.Terminal = true },
		"AppArmor":           func(p *specs.Process) { p.ApparmorProfile = "a" },
		"SELinux":            func(p *specs.Process) { p.SelinuxLabel = "a" },
		"scheduler":          func(p *specs.Process) { p.Scheduler = &specs.Scheduler{} },
		"priority":           func(p *specs.Process) { p.IOPriority = &specs.LinuxIOPriority{} },
		"affinity":           func(p *specs.Process) { p.ExecCPUAffinity = &specs.CPUAffinity{} },
		"no capabilities":    func(p *specs.Process) { p.Capabilities = nil },
		"no arguments":       func(p *specs.Process) { p.Args = nil },
		"no directory":       func(p *specs.Process) { p.Cwd = "" },
		"no home":            func(p *specs.Process) { p.Env = []string{"A=1"} },
		"empty home":         func(p *specs.Process) { p.Env = []string{"HOME=/", "HOME="} },
		"broken environment": func(p *specs.Process) { p.Env = append(p.Env, "A") },
	} {
		p := joinProcess()
		change(p)
		assert.False(t, joinable(joinProcess(), p, linux()), name)
	}
	labelled := joinProcess()
	labelled.ApparmorProfile = "of the first process's, which libcontainer takes where the command has none"
	assert.False(t, joinable(labelled, joinProcess(), linux()))
	assert.False(t, joinable(joinProcess(), joinProcess(), linux(specs.UserNamespace)))
	assert.False(t, joinable(joinProcess(), joinProcess(), linux(specs.TimeNamespace)))
	assert.False(t, joinable(joinProcess(), joinProcess(), &specs.Linux{Personality: &specs.LinuxPersonality{}}))
}

func TestJoinEnv(t *testing.T) {
	t.Parallel()
	env, err := joinEnv([]string{"A=1", "HOME=/", "B=", "A=2=3"})
	require.NoError(t, err)
	assert.Equal(t, []string{"HOME=/", "B=", "A=2=3"}, env)
}

func TestPlaces(t *testing.T) {
	t.Parallel()
	env := []string{"PATH=/a:b::/c/"}
	assert.Equal(t, []string{"/a/x", "/c/x"}, places("x", env))
	assert.Equal(t, []string{"./x"}, places("./x", env))
	for _, none := range [][]string{nil, {"PATH="}, {"PATH=bin"}} {
		assert.Equal(t, []string{"/dev/null/x"}, places("x", none))
	}
}

// TestJoinError: a call that failed has the sentinel that a caller matches, or names itself.
func TestJoinError(t *testing.T) {
	t.Parallel()
	p := joinProcess()
	failed := func(name string, errno syscall.Errno) error {
		return joinError(p, fmt.Errorf("start: %w", &calls.Error{Step: calls.Step{Name: name}, Errno: errno}))
	}
	require.NoError(t, joinError(p, nil))
	require.Equal(t, io.EOF, joinError(p, io.EOF))
	for _, errno := range []syscall.Errno{unix.ENOENT, unix.ENOTDIR, unix.EACCES} {
		require.ErrorIs(t, failed("execve", errno), api.ErrCommandNotFound, "there may be such a file, and it is no program")
	}
	require.ErrorContains(t, failed("execve", unix.ENOEXEC), `exec: "ls": exec format error`)
	require.ErrorIs(t, failed("chdir", unix.ENOENT), api.ErrNotExecutable)
	require.ErrorContains(t, failed("chdir", unix.ENOENT), `working directory "/srv"`)
	require.ErrorContains(t, failed("getcwd", unix.ENOENT), "/srv: it is outside of the container")
	require.ErrorIs(t, failed("setns", unix.ESRCH), unix.ESRCH)
	p.Args[0] = "/bin/ls"
	require.ErrorIs(t, failed("execve", unix.ENOENT), api.ErrCommandNotFound)
	require.ErrorIs(t, failed("execve", unix.EACCES), api.ErrNotExecutable)

	assert.True(t, cannotJoin(fmt.Errorf("%w: no", calls.ErrCannot)))
	assert.True(t, cannotJoin(&calls.Error{Step: calls.Step{Name: "fork"}, Errno: unix.ENOSYS}))
	for _, err := range []error{nil, errors.New("x"), calls.ErrKilled, &calls.Error{Step: calls.Step{Name: "setns"}, Errno: unix.EPERM}} {
		assert.False(t, cannotJoin(err))
	}
}
