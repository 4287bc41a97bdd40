//go:build linux

package ocirun

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

// Arg makes the agent's binary this runtime.
const Arg = "__caisson_oci"

// Guard is a process that outlives the agent for a moment: when the agent goes without a farewell it kills the running
// steps. They can't die by PR_SET_PDEATHSIG, since the process that forks them ends at once.
type Guard struct {
	once sync.Once
	err  error
	dir  string
	w    *os.File
	cmd  *exec.Cmd
}

// NewGuard returns a guard for the builds whose state is below dir. It starts with the first Start.
func NewGuard(dir string) *Guard { return &Guard{dir: dir} }

// Start starts the guard if it does not run yet.
func (g *Guard) Start() error {
	g.once.Do(func() { g.err = g.start() })
	return g.err
}

func (g *Guard) start() error {
	r, w, err := os.Pipe()
	if err != nil {
		return err
	}
	defer r.Close()
	g.cmd = exec.Command("/proc/self/exe", Arg, "--root", g.dir, "guard", g.dir)
	g.cmd.Stdin = r
	g.cmd.Dir = "/"
	g.cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := g.cmd.Start(); err != nil {
		w.Close()
		return fmt.Errorf("start the guard of builds: %w", err)
	}
	g.w = w
	return nil
}

// Close ends the guard.
func (g *Guard) Close() error {
	g.once.Do(func() {})
	if g.w == nil {
		return nil
	}
	g.w.Close()
	return g.cmd.Wait()
}

// rounds of killing, and the pause between them: a step that is just being made shows a moment later.
const (
	rounds = 10
	pause  = 20 // milliseconds
)

// guard waits until the agent's end of the pipe is closed and kills what runs then.
func guard(dir string) error {
	_, _ = io.Copy(io.Discard, os.Stdin)
	for i := 0; i < rounds && (KillAll(dir) > 0 || i < 2); i++ {
		_, _ = unix.Poll(nil, pause)
	}
	return nil
}
