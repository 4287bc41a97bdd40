//go:build linux

package engine

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"github.com/caisson-dev/caisson/agent/internal/host"
	"github.com/caisson-dev/caisson/agent/internal/state"
	"github.com/caisson-dev/caisson/internal/api"
	"github.com/caisson-dev/caisson/internal/flock"
)

// privateMounts keeps this agent's mounts to itself, and lets go of those that it inherited from another agent.
func privateMounts(l state.Layout) error {
	if err := unix.Mount("", "/", "", unix.MS_SLAVE|unix.MS_REC, ""); err != nil {
		return api.Errorf(api.ErrUnsupported, "make a private mount namespace: %w: run as root, or where user namespaces are allowed", err)
	}
	return host.UnmountBelow(l.Graph(), l.GraphRun())
}

// enter joins the agents of the store. The last one to leave removes the run root, so a newcomer may find it gone.
func (a *agent) enter() error {
	for try := 0; ; try++ {
		if err := a.layout.Make(); err != nil {
			return err
		}
		var err error
		a.run, err = flock.Acquire(context.Background(), filepath.Join(a.layout.RunRoot, "lock"), flock.Shared)
		if errors.Is(err, os.ErrNotExist) && try < 100 {
			continue
		}
		if err != nil {
			return err
		}
		break
	}
	if err := a.layout.Make(); err != nil {
		return err
	}
	for try := 0; ; try++ {
		// Another newcomer may take the directory for a dead agent's between the making of the lock file and the lock.
		if err := a.settle(); err == nil {
			break
		} else if !errors.Is(err, os.ErrNotExist) || try == 100 {
			return err
		}
	}
	return removeDeadAgents(a.layout.Agents())
}

// settle makes this agent's directory, and takes the lock by which others know that it lives.
func (a *agent) settle() error {
	var b [8]byte
	_, _ = rand.Read(b[:]) // never fails
	a.dir = filepath.Join(a.layout.Agents(), hex.EncodeToString(b[:]))
	if err := os.Mkdir(a.dir, 0o700); err != nil {
		return err
	}
	a.socket = filepath.Join(a.dir, "sock")
	var err error
	if a.own, err = flock.Try(filepath.Join(a.dir, "lock"), flock.Exclusive); err == nil && a.own == nil {
		err = os.ErrNotExist // it is about to be removed
	}
	return err
}

// removeDeadAgents removes the directories of agents that are gone.
func removeDeadAgents(dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		d := filepath.Join(dir, e.Name())
		if _, err := os.Lstat(filepath.Join(d, "lock")); err != nil {
			continue // just being made; one killed in that moment leaves an empty directory until the run root goes
		}
		if lock, err := flock.Try(filepath.Join(d, "lock"), flock.Exclusive); err == nil && lock != nil {
			_ = os.RemoveAll(d) // another newcomer may do the same
			lock.Unlock()
		}
	}
	return nil
}
