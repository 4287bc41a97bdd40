// Package hook is the first thing that the agent's binary runs. It imports runtime and syscall alone, so that Go
// initialises it among the first packages: the stages that only wait or execute again do not pay for the initialisation of
// the rest.
package hook

import (
	"runtime"
	"syscall"
)

// The names are repeated from internal/api, whose imports would delay this package; a test compares them.
const (
	envHook  = "CAISSON_HOOK"
	userNS   = "userns"
	agent    = "agent"
	mapsFD   = 4
	agentArg = "caisson-agent"
)

func init() {
	if _, ok := syscall.Getenv("_LIBCONTAINER_INITPIPE"); ok {
		dieWithAgent()
		return
	}
	if v, _ := syscall.Getenv(envHook); v == userNS {
		enterUserNS()
	}
}

// dieWithAgent makes the kernel end a container's init when the agent's thread that forked it ends. libcontainer's own
// ParentDeathSignal is lost in the clones of its first stage; set here, libcontainer keeps it across setuid.
//
// It is this thread's alone, and libcontainer's work is for the thread that executes the container's program. Locked
// here, main runs on it. On another thread that program would outlive the agent, and the process would look like a zombie
// while it is executed.
func dieWithAgent() {
	runtime.LockOSThread()
	const prSetPdeathsig = 1
	syscall.RawSyscall(syscall.SYS_PRCTL, prSetPdeathsig, uintptr(syscall.SIGKILL), 0)
}

// enterUserNS runs in a fresh user namespace in which this process is nobody yet. It waits until the owner has written
// the id maps and executes itself again: that exec makes it root of the namespace, with all capabilities.
func enterUserNS() {
	var b [1]byte
	for {
		n, err := syscall.Read(mapsFD, b[:])
		if err == syscall.EINTR {
			continue
		}
		if n != 1 {
			syscall.Exit(125) // the owner gave up or is gone
		}
		break
	}
	syscall.Close(mapsFD)
	syscall.Setenv(envHook, agent)
	syscall.Setenv("_CONTAINERS_USERNS_CONFIGURED", "done")
	err := syscall.Exec("/proc/self/exe", []string{agentArg}, syscall.Environ())
	syscall.Write(2, []byte("caisson-agent: exec in the user namespace: "+err.Error()+"\n"))
	syscall.Exit(126)
}
