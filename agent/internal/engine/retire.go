//go:build linux

package engine

import (
	"context"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/caisson-dev/caisson/agent/internal/host"
	"github.com/caisson-dev/caisson/internal/api"
)

// wait returns when this agent has nothing more to do.
func (a *agent) wait() {
	term := make(chan os.Signal, 1)
	signal.Notify(term, syscall.SIGTERM)
	if a.cfg.Role == api.RoleOwner {
		a.waitOwner(term)
		return
	}
	a.line.f.Close()
	a.waitIdle(term)
}

// waitOwner returns when the owner is gone.
func (a *agent) waitOwner(term <-chan os.Signal) {
	gone := make(chan struct{})
	go func() {
		a.line.wait()
		close(gone)
	}()
	select {
	case <-gone:
	case <-term:
	}
}

// grace is how long an agent of a detached container waits for the request that it was started for.
const grace = 3 * time.Second

// waitIdle returns when the container does not run and no request is being served.
func (a *agent) waitIdle(term <-chan os.Signal) {
	first := time.After(grace)
	waited := false
	for {
		changed, counted := a.conts.Changed(), a.requests.changed()
		if a.conts.Idle() && a.requests.zero() && (waited || a.requests.any()) && a.retire() {
			return
		}
		select {
		case <-changed:
		case <-counted:
		case <-first:
			waited = true
		case <-term:
			a.conts.Terminate()
		}
	}
}

// retire stops serving and gives the container back. It reports false if a request came in just then.
func (a *agent) retire() bool {
	if !a.requests.close() {
		return false
	}
	if err := a.conts.Release(); err != nil {
		a.log.Error("give the container back", "error", err)
	}
	close(a.requests.released)
	return true
}

// end leaves nothing of this agent behind but detached containers.
func (a *agent) end() {
	a.stopServing()
	if a.conts != nil && a.cfg.Role == api.RoleOwner {
		a.conts.Close()
		// Once more: an agent that was dying while this one came is dead by now.
		if err := a.conts.Collect(context.Background()); err != nil {
			a.log.Warn("clean up after dead agents", "error", err)
		}
	}
	if a.conts != nil {
		// If this is the last agent the run root goes, and with it what is known of a dead agent's processes.
		if err := a.conts.Collect(context.Background()); err != nil {
			a.log.Warn("clean up after dead agents", "error", err)
		}
	}
	if a.images != nil {
		if err := a.images.Close(); err != nil {
			a.log.Warn("close the store", "error", err)
		}
	}
	if a.dir != "" {
		_ = os.RemoveAll(a.dir) // the next agent's clean-up tries again
	}
	a.leave()
}

// leave removes the run root if no other agent of the store lives, and the store if the owner wants that.
func (a *agent) leave() {
	if a.run == nil {
		return
	}
	if a.run.Upgrade() {
		// An agent that was killed lets go of the run root a moment before its containers: Collect may have passed them by.
		if a.conts != nil {
			if err := a.conts.CleanRun(); err != nil {
				a.log.Error("the run root stays for the next agent", "error", err)
				a.run.Unlock()
				return
			}
		}
		_ = host.UnmountBelow(a.layout.RunRoot)
		_ = os.RemoveAll(a.layout.RunRoot) // what can't be removed is used again
		if a.destroy.Load() {
			_ = host.UnmountBelow(a.layout.Root)
			if err := os.RemoveAll(a.layout.Root); err != nil {
				a.log.Error("destroy the store", "error", err)
			}
		}
	}
	a.run.Unlock()
}
