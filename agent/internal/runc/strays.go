//go:build linux

package runc

import (
	"fmt"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// withoutStrays calls a start of libcontainer's on the present thread, and when it fails ends and reaps the processes
// that it has left. Libcontainer clones its stages as children of this thread, and a start that breaks off, because the
// container ends meanwhile, forgets those whose pids it has not read yet. As zombies of the container's pid namespace
// they would keep its first process from ending for as long as the agent lives.
func withoutStrays(start func() error) error {
	before := children()
	err := start()
	if err == nil {
		return nil
	}
	for pid := range children() {
		if before[pid] || !isStage(pid) {
			continue
		}
		_ = unix.Kill(pid, unix.SIGKILL) // it may have ended
		for {
			if _, werr := unix.Wait4(pid, nil, 0, nil); werr != unix.EINTR {
				break // reaped, or libcontainer was first
			}
		}
	}
	return err
}

// children are those of this thread alone, on which nothing else is started meanwhile. None are known to a kernel
// without CONFIG_PROC_CHILDREN.
func children() map[int]bool {
	b, err := os.ReadFile("/proc/thread-self/children")
	if err != nil {
		return nil
	}
	pids := map[int]bool{}
	for _, f := range strings.Fields(string(b)) {
		if pid, err := strconv.Atoi(f); err == nil {
			pids[pid] = true
		}
	}
	return pids
}

// stageName is what a process of package calls has before it executes what it is for.
const stageName = "caisson:[start]"

// isStage says whether it is that, or one of libcontainer's stages.
func isStage(pid int) bool {
	comm, err := os.ReadFile(fmt.Sprintf("/proc/%d/comm", pid))
	return err == nil && (strings.HasPrefix(string(comm), "runc:[") || strings.TrimSpace(string(comm)) == stageName)
}
