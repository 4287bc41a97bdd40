package main

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"unsafe"
)

func init() { commands["self"] = self }

// self prints what this process finds itself to be that confinement does not say.
func self([]string) int {
	out := map[string]string{}
	for _, name := range []string{"limits", "cgroup", "oom_score_adj", "personality", "coredump_filter", "loginuid", "attr/current", "mountinfo"} {
		b, err := os.ReadFile(filepath.Join("/proc/self", name))
		if out[name] = string(b); err != nil {
			out[name] = err.Error()
		}
	}
	var err error
	if out["hostname"], err = os.Hostname(); err != nil {
		return fail(err)
	}
	if out["directory"], err = os.Readlink("/proc/self/cwd"); err != nil {
		return fail(err)
	}
	out["args"], out["env"] = strings.Join(os.Args, "\n"), strings.Join(os.Environ(), "\n")
	for option, name := range map[uintptr]string{3: "dumpable", 7: "keep capabilities", 27: "secure bits", 30: "timer slack", 37: "subreaper", 39: "no new privileges"} {
		var v int32 = -1
		arg := uintptr(0)
		if option == 37 {
			arg = uintptr(unsafe.Pointer(&v))
		}
		r, _, e := syscall.RawSyscall6(syscall.SYS_PRCTL, option, arg, 0, 0, 0, 0)
		out[name] = strconv.Itoa(int(r)) + " " + strconv.Itoa(int(v)) + " " + e.Error()
	}
	sid, _, _ := syscall.RawSyscall(syscall.SYS_GETSID, 0, 0, 0)
	pgid, _, _ := syscall.RawSyscall(syscall.SYS_GETPGID, 0, 0, 0)
	out["leads"] = strconv.FormatBool(int(sid) == os.Getpid()) + " " + strconv.FormatBool(int(pgid) == os.Getpid())
	out["parent"] = strconv.Itoa(os.Getppid())
	policy, _, _ := syscall.RawSyscall(syscall.SYS_SCHED_GETSCHEDULER, 0, 0, 0)
	nice, _, _ := syscall.RawSyscall(syscall.SYS_GETPRIORITY, 0, 0, 0)
	ioprio, _, _ := syscall.RawSyscall(syscall.SYS_IOPRIO_GET, 1, 0, 0)
	out["schedule"] = strconv.Itoa(int(policy)) + " " + strconv.Itoa(int(nice)) + " " + strconv.Itoa(int(ioprio))
	for i, name := range []string{"stdin", "stdout", "stderr"} {
		var st syscall.Stat_t
		if err := syscall.Fstat(i, &st); err != nil {
			return fail(err)
		}
		out[name] = strconv.Itoa(int(st.Uid))
	}
	return printJSON(out)
}
