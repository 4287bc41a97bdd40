//go:build linux

// Package stage has the processes that the agent starts and that are not an agent: a container's init, and what
// containers/storage has registered in this binary. It imports little, since each pays for that.
package stage

import (
	"fmt"
	"os"
	"strings"

	"github.com/opencontainers/runc/libcontainer"
	"go.podman.io/storage/pkg/reexec"
	"golang.org/x/sys/unix"

	_ "github.com/opencontainers/runc/libcontainer/nsenter" // the C half of a container's start

	_ "github.com/caisson-dev/caisson/agent/internal/hook"

	"github.com/caisson-dev/caisson/agent/internal/seccomp/gate"
)

// Enter takes this process over if it was started to be one of these. Otherwise it returns.
func Enter() {
	if _, ok := os.LookupEnv("_LIBCONTAINER_INITPIPE"); ok && len(os.Args) > 1 && os.Args[1] == "init" {
		containerInit()
	}
	if reexec.Init() {
		os.Exit(0)
	}
}

// gateFD is where the runtime package passes the seccomp gate: the first extra file. It is closed when the command is
// executed.
const gateFD = 3

func containerInit() {
	if hasGatePlace() {
		if err := openGate(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(125)
		}
	}
	libcontainer.Init()
}

// hasGatePlace is false for containers that were started without an extra file: libcontainer's own come first then.
func hasGatePlace() bool {
	for _, e := range os.Environ() {
		if k, v, _ := strings.Cut(e, "="); strings.HasPrefix(k, "_LIBCONTAINER_") && v == "3" {
			return false
		}
	}
	return true
}

func openGate() error {
	var st unix.Stat_t
	if err := unix.Fstat(gateFD, &st); err != nil {
		return err
	}
	switch {
	case st.Mode&unix.S_IFMT != unix.S_IFSOCK: // no filter was asked for
		unix.CloseOnExec(gateFD)
		return nil
	case os.Getenv("_LIBCONTAINER_INITTYPE") == "setns":
		return gate.Direct(gateFD)
	}
	gate.Gate(gateFD)
	return nil
}
