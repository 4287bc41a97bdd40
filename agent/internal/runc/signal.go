//go:build linux

package runc

import (
	"errors"
	"os"
	"strings"
	"syscall"
	"time"

	"github.com/opencontainers/runc/libcontainer"

	"github.com/caisson-dev/caisson/agent/internal/process"
)

// Signal sends a signal to the container's first process. One that has ended is not an error.
func (c *Container) Signal(s syscall.Signal) error {
	err := c.lc.Signal(s)
	if s == syscall.SIGKILL {
		process.Thaw(c.Freezer())
	}
	if errors.Is(err, libcontainer.ErrNotRunning) || errors.Is(err, os.ErrProcessDone) {
		if first := c.first.Load(); first != nil {
			return first.Signal(s) // it knows better
		}
		return nil
	}
	return err
}

// KillUntil kills the container again and again until ended is closed: it may be about to freeze itself.
func (c *Container) KillUntil(ended <-chan struct{}) {
	t := time.NewTicker(5 * time.Millisecond)
	defer t.Stop()
	for {
		_ = process.Kill(c.lc) // it may have ended
		select {
		case <-ended:
			return
		case <-t.C:
		}
	}
}

// Pause freezes all processes of the container.
func (c *Container) Pause() error {
	for end := time.Now().Add(freezeFor); ; {
		err := c.lc.Pause()
		// So says libcontainer of control groups of version 1, when processes that are to be frozen have not had the processor
		// for a tenth of a second. It has let go of those that had.
		if err == nil || !strings.Contains(err.Error(), "unable to freeze") || time.Now().After(end) {
			return err
		}
	}
}

// freezeFor is how long a freeze of processes is tried.
const freezeFor = 10 * time.Second

// Resume thaws them.
func (c *Container) Resume() error { return c.lc.Resume() }

// Freezer returns the directory of the control group by which the container is frozen, or "" if it has none or is not
// started.
func (c *Container) Freezer() string {
	if dir := c.freezer.Load(); dir != nil {
		return *dir
	}
	return ""
}

// Processes returns the pids of the container's processes, as the host sees them.
func (c *Container) Processes() ([]int, error) { return c.lc.Processes() }

// Libcontainer is the container below, for statistics and updates.
func (c *Container) Libcontainer() *libcontainer.Container { return c.lc }

// clean kills what is left of a container whose agent died and removes its state.
func clean(lc *libcontainer.Container) error {
	// Its init died with the agent, by PR_SET_PDEATHSIG, unless it was just being started, or has cleared that.
	_ = process.End(lc, 5*time.Second) // libcontainer refuses to destroy what runs
	return lc.Destroy()
}
