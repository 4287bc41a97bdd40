//go:build linux

package runc

import (
	"encoding/binary"
	"errors"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"github.com/moby/sys/capability"
	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/caisson-dev/caisson/agent/internal/calls"
)

// joining is what a process that joins a container follows from, beside its specification.
type joining struct {
	namespaces int     // CLONE_NEW…, those of the container's first process that it joins
	cgroups    int     // how many files it has that take it into a control group of version 1
	unified    bool    // it has the directory of one of version 2 behind them
	groups     bool    // supplementary groups may be set
	chown      []int   // which of the standard streams are to be its user's
	filter     []byte  // of system calls; nil: none
	flags      uint16  // of the filter
	umask      *uint32 // nil: the agent's
	last       capability.Cap
}

// The files of a process that joins, behind those of package calls.
const (
	joinPidfd  = calls.Control + 1
	joinCgroup = joinPidfd + 1
)

// joinable says whether a list of system calls can start what is to join a container. Terminals, and what this project sets
// for no container by itself, are left to libcontainer, and so are the profiles of AppArmor and SELinux, since no machine
// that has them has shown that they are the same by both ways.
func joinable(first, p *specs.Process, linux *specs.Linux) bool {
	for _, s := range []*specs.Process{first, p} {
		if s.Terminal || s.ApparmorProfile != "" || s.SelinuxLabel != "" || s.Scheduler != nil || s.IOPriority != nil || s.ExecCPUAffinity != nil {
			return false
		}
	}
	if linux.Personality != nil || linux.MemoryPolicy != nil || linux.IntelRdt != nil || p.Capabilities == nil || len(p.Args) == 0 || !filepath.IsAbs(p.Cwd) {
		return false
	}
	_, known := joinNamespaces(linux.Namespaces)
	_, err := joinEnv(p.Env)
	return known && err == nil
}

// joinNamespaces are the flags of setns, unless there is one that it takes more for than to join it.
func joinNamespaces(list []specs.LinuxNamespace) (flags int, known bool) {
	for _, ns := range list {
		flag, ok := map[specs.LinuxNamespaceType]int{
			specs.MountNamespace: unix.CLONE_NEWNS, specs.PIDNamespace: unix.CLONE_NEWPID, specs.NetworkNamespace: unix.CLONE_NEWNET,
			specs.IPCNamespace: unix.CLONE_NEWIPC, specs.UTSNamespace: unix.CLONE_NEWUTS, specs.CgroupNamespace: unix.CLONE_NEWCGROUP,
		}[ns.Type]
		if !ok {
			return 0, false
		}
		flags |= flag
	}
	return flags, true
}

var errEnv = errors.New("an environment that libcontainer completes or refuses")

// joinEnv is the environment without what is set again later.
func joinEnv(env []string) (out []string, err error) {
	saw := map[string]bool{}
	for _, kv := range slices.Backward(env) {
		k, v, ok := strings.Cut(kv, "=")
		if !ok || k == "" || strings.IndexByte(kv, 0) >= 0 {
			return nil, errEnv
		}
		if saw[k] {
			continue
		}
		saw[k] = true
		if k == "HOME" && v == "" {
			return nil, errEnv
		}
		out = append(out, kv)
	}
	if !saw["HOME"] {
		return nil, errEnv
	}
	slices.Reverse(out)
	return out, nil
}

// joinList is what a process does to become one of a container, in libcontainer's order where there is no reason for
// another. It is the container's from the last setns on, and its user's from setuid on.
func joinList(first, p *specs.Process, j joining) *calls.List {
	l := &calls.List{}
	l.Call("prctl PR_SET_NAME", unix.SYS_PRCTL, unix.PR_SET_NAME, stageName)
	free, unified := joinCgroup+j.cgroups, -1
	if j.unified {
		free, unified = free+1, free
	}
	if first.OOMScoreAdj != nil {
		l.Call("open oom_score_adj", unix.SYS_OPENAT, unix.AT_FDCWD, "/proc/self/oom_score_adj", unix.O_WRONLY|unix.O_CLOEXEC)
		text := strconv.Itoa(*first.OOMScoreAdj)
		l.Call("write oom_score_adj", unix.SYS_WRITE, free, text, len(text))
		l.Call("close oom_score_adj", unix.SYS_CLOSE, free)
	}
	for i := range j.cgroups {
		l.Call("join control group", unix.SYS_WRITE, joinCgroup+i, "0", 1)
		l.Call("close", unix.SYS_CLOSE, joinCgroup+i)
	}
	l.Try([]syscall.Errno{unix.EINVAL, unix.EPERM}, "sched_setaffinity", unix.SYS_SCHED_SETAFFINITY, 0, maxCPUs/8, allCPUs) // not that of the agent
	l.Call("prctl PR_SET_DUMPABLE", unix.SYS_PRCTL, unix.PR_SET_DUMPABLE, 0)                                                // processes of the container see it from now on
	if j.namespaces&unix.CLONE_NEWPID != 0 {
		l.Call("setns", unix.SYS_SETNS, joinPidfd, unix.CLONE_NEWPID) // it counts for children
	}
	l.ForkInto(unified)
	if j.unified {
		l.Call("close", unix.SYS_CLOSE, unified)
	}
	// From the control group's namespace the kernel might let nobody into the group.
	if others := j.namespaces &^ unix.CLONE_NEWPID; others != 0 {
		l.Call("setns", unix.SYS_SETNS, joinPidfd, others)
	}
	l.Call("close", unix.SYS_CLOSE, joinPidfd)
	l.Call("setsid", unix.SYS_SETSID)
	l.DefaultSignals()
	l.Call("fcntl FD_CLOEXEC", unix.SYS_FCNTL, calls.Control, unix.F_SETFD, unix.FD_CLOEXEC)
	if p.NoNewPrivileges {
		l.Call("prctl PR_SET_NO_NEW_PRIVS", unix.SYS_PRCTL, unix.PR_SET_NO_NEW_PRIVS, 1)
	}
	if j.umask != nil {
		l.Call("umask", unix.SYS_UMASK, *j.umask)
	}
	joinLimits(l, orLimits(p.Rlimits, first.Rlimits))
	joinUser(l, p, j)
	joinCaps(l, p, j)
	joinExec(l, p)
	return l
}

const maxCPUs = 64 << 10

var allCPUs = []byte(strings.Repeat("\xff", maxCPUs/8))

func orLimits(own, of []specs.POSIXRlimit) []specs.POSIXRlimit {
	if len(own) > 0 {
		return own
	}
	return of
}

func joinLimits(l *calls.List, limits []specs.POSIXRlimit) {
	for _, r := range limits {
		if n, ok := rlimits[r.Type]; ok {
			l.Call("prlimit "+r.Type, unix.SYS_PRLIMIT64, 0, n, words64(r.Soft, r.Hard), 0)
		}
	}
}

// joinUser makes the process its user's, with all capabilities still permitted.
func joinUser(l *calls.List, p *specs.Process, j joining) {
	// Root may reach a directory that the user does not, and the user one that root of a user namespace does not.
	l.Retry(calls.Step{Name: "chdir", Number: unix.SYS_CHDIR, Args: []any{p.Cwd}, Allow: []syscall.Errno{unix.EACCES, unix.EPERM}})
	bounding := capSet(p.Capabilities.Bounding, j.last)
	for c := range j.last + 1 {
		if bounding&(1<<c) == 0 {
			l.Try([]syscall.Errno{unix.EINVAL}, "prctl PR_CAPBSET_DROP", unix.SYS_PRCTL, unix.PR_CAPBSET_DROP, int(c))
		}
	}
	l.Call("prctl PR_SET_KEEPCAPS", unix.SYS_PRCTL, unix.PR_SET_KEEPCAPS, 1)
	for _, fd := range j.chown { // as libcontainer: those of another's user namespace remain, and of a read-only /dev
		l.Try([]syscall.Errno{unix.EPERM, unix.EROFS}, "fchown", unix.SYS_FCHOWN, fd, p.User.UID, -1)
	}
	if j.groups {
		var groups []byte
		for _, g := range p.User.AdditionalGids {
			groups = binary.LittleEndian.AppendUint32(groups, g)
		}
		l.Call("setgroups", unix.SYS_SETGROUPS, len(groups)/4, groups)
	}
	l.Call("setgid", unix.SYS_SETGID, p.User.GID)
	l.Call("setuid", unix.SYS_SETUID, p.User.UID)
	l.Again()
	l.Inside()
	l.Call("prctl PR_SET_KEEPCAPS", unix.SYS_PRCTL, unix.PR_SET_KEEPCAPS, 0)
}

// joinCaps leaves the process its capabilities and puts the filter on it. Without no_new_privs that takes CAP_SYS_ADMIN, so
// it has that one for as long. Under the filter are capset and execve alone.
func joinCaps(l *calls.List, p *specs.Process, j joining) {
	set := func(names []string) uint64 { return capSet(names, j.last) }
	c := p.Capabilities
	effective, permitted, inheritable := set(c.Effective), set(c.Permitted), set(c.Inheritable)
	header := binary.LittleEndian.AppendUint64(nil, capVersion3)
	capset := func(more uint64) {
		e, p := effective|more, permitted|more
		l.Call("capset", unix.SYS_CAPSET, header, words32(e, p, inheritable, e>>32, p>>32, inheritable>>32))
	}
	var more uint64
	if j.filter != nil && !p.NoNewPrivileges {
		more = 1 << unix.CAP_SYS_ADMIN
	}
	capset(more)
	l.Try([]syscall.Errno{unix.EINVAL}, "prctl PR_CAP_AMBIENT_CLEAR_ALL", unix.SYS_PRCTL, unix.PR_CAP_AMBIENT, unix.PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0)
	ambient := set(c.Ambient)
	for c := range j.last + 1 {
		if ambient&(1<<c) != 0 { // one that is not permitted and inheritable can't be, which libcontainer does not mind
			l.Try([]syscall.Errno{unix.EINVAL, unix.EPERM}, "prctl PR_CAP_AMBIENT_RAISE", unix.SYS_PRCTL, unix.PR_CAP_AMBIENT, unix.PR_CAP_AMBIENT_RAISE, int(c), 0, 0)
		}
	}
	// After the last change of its user, which would clear it. Who dies before this, does not let the process go on.
	l.Call("prctl PR_SET_PDEATHSIG", unix.SYS_PRCTL, unix.PR_SET_PDEATHSIG, int(unix.SIGKILL))
	l.Await()
	if j.filter == nil {
		return
	}
	l.Call("seccomp", unix.SYS_SECCOMP, seccompSetModeFilter, int(j.flags), calls.Filter(j.filter))
	if more != 0 && permitted&effective&more == 0 {
		capset(0)
	}
}

// From the kernel's headers.
const (
	capVersion3          = 0x20080522
	seccompSetModeFilter = 1
)

// joinExec tries the places where the program may be, as libcontainer looks for it: not in directories of PATH that are
// relative.
func joinExec(l *calls.List, p *specs.Process) {
	env, _ := joinEnv(p.Env) // joinable has asked
	places := places(p.Args[0], env)
	for i, place := range places {
		s := calls.Step{Name: "execve", Number: unix.SYS_EXECVE, Args: []any{place, p.Args, env}}
		if i < len(places)-1 {
			s.Allow = []syscall.Errno{unix.ENOENT, unix.ENOTDIR, unix.EACCES}
		}
		l.Add(s)
	}
}

// places are the paths by which a program may be found; at least one.
func places(name string, env []string) (places []string) {
	if strings.Contains(name, "/") {
		return []string{name}
	}
	for _, kv := range env {
		if path, ok := strings.CutPrefix(kv, "PATH="); ok {
			for _, dir := range filepath.SplitList(path) {
				if filepath.IsAbs(dir) {
					places = append(places, filepath.Join(dir, name))
				}
			}
		}
	}
	if len(places) == 0 {
		return []string{"/dev/null/" + name} // there is nothing
	}
	return places
}

// capSet has a bit for each capability that this kernel has.
func capSet(names []string, last capability.Cap) (set uint64) {
	for c := range last + 1 {
		if slices.Contains(names, "CAP_"+strings.ToUpper(c.String())) {
			set |= 1 << c
		}
	}
	return set
}

func words32(v ...uint64) (b []byte) {
	for _, w := range v {
		b = binary.LittleEndian.AppendUint32(b, uint32(w))
	}
	return b
}

func words64(v ...uint64) (b []byte) {
	for _, w := range v {
		b = binary.LittleEndian.AppendUint64(b, w)
	}
	return b
}
