//go:build linux

package containers

import (
	"context"
	"errors"
	"net/http"
	"os"
	"time"

	"github.com/opencontainers/runc/libcontainer"

	"github.com/caisson-dev/caisson/agent/internal/commit"
	"github.com/caisson-dev/caisson/agent/internal/fork"
	"github.com/caisson-dev/caisson/agent/internal/names"
	"github.com/caisson-dev/caisson/agent/internal/records"
	"github.com/caisson-dev/caisson/agent/internal/rootfs"
	"github.com/caisson-dev/caisson/agent/internal/wire"
	"github.com/caisson-dev/caisson/container"
	"github.com/caisson-dev/caisson/internal/api"
)

// routeCopies registers what is made of a container's files.
func (s *Service) routeCopies(mux *wire.Mux) {
	commits := &commit.Requests{Volume: s.volumes.Path, Records: s.records, Images: s.Images, Diff: s.quietDiff, Emit: s.emit}
	forks := &fork.Requests{
		Records: s.records, Storage: func() fork.Store { return s.Images.Storage() }, Make: s.make, Quiet: s.quiet, Volume: s.volumes.Path, Created: s.emitCreate,
	}
	mux.Handle(api.ContainerCommit, s.settled(wire.Handle(commits.Commit)))
	mux.Handle(api.ContainerFork, wire.Handle(forks.Fork))
	mux.Handle(api.ContainerFreeze, s.settled(s.freeze))
}

// quietDiff reads the container's layer while the container holds still.
func (s *Service) quietDiff(ctx context.Context, rec *records.Record, volumes []rootfs.Volume, noPause bool) (*os.File, error) {
	if m := s.mine(rec.ID); m != nil && !noPause {
		if run, err := m.current(); err == nil && freezable(run) {
			switch err := m.pause(run); {
			case err == nil:
				defer func() {
					if err := m.resume(run); err != nil && !errors.Is(err, api.ErrNotPaused) && !errors.Is(err, api.ErrNotRunning) {
						s.Logger.Error("resume after a commit", "container", rec.ID, "error", err)
					}
				}()
			case errors.Is(err, api.ErrPaused), errors.Is(err, api.ErrNotRunning):
			default:
				return nil, err
			}
		}
	}
	diff, err := rootfs.Spool(ctx, s.Images.Storage(), rec.ID, s.Images.Temp().Path, volumes)
	return diff, s.unlessGone(rec.ID, err)
}

// quiet has a container hold still while f reads its files, whoever manages it.
func (s *Service) quiet(ctx context.Context, id string, f func() error) error {
	target, release, err := s.holdStill(ctx, id)
	if err != nil {
		return err
	}
	if target != "" {
		return errors.Join(f(), release())
	}
	if m := s.mine(id); m != nil {
		return m.still(f)
	}
	lock, err := s.lock(ctx, id)
	if err != nil {
		return err
	}
	defer lock.Unlock()
	return f()
}

// holdStill has the agent that manages the container hold it still until release; target is empty if that is none or this one. An
// agent that ends before it begins to, with its container, is looked for again.
func (s *Service) holdStill(ctx context.Context, id string) (target string, release func() error, err error) {
	for wait := time.Millisecond; ; wait *= 2 {
		target, err = s.find(ctx, id, func(st *records.State) bool { return live(st.State.Status) })
		if err != nil || target == "" {
			return "", nil, err
		}
		release, err = wire.Hold(ctx, target, api.ContainerFreeze.Of(id))
		if !errors.Is(err, api.ErrAgentGone) || wait > time.Second {
			return target, release, err
		}
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return "", nil, context.Cause(ctx)
		}
	}
}

// freeze has a container hold still for another agent.
func (s *Service) freeze(w http.ResponseWriter, r *http.Request) {
	m := s.mine(r.PathValue("id"))
	if m == nil {
		wire.Fail(w, records.NotFound(r.PathValue("id")))
		return
	}
	err := m.still(func() error {
		wire.Held(w, r)
		return nil
	})
	if err != nil {
		wire.Fail(w, err) // before anything was answered; later it is for no one
	}
}

// still calls f while no process of the container runs and none is started. One that is paused stays so.
func (m *managed) still(f func() error) error {
	m.op.Lock()
	defer m.op.Unlock()
	if m.gone() {
		return records.NotFound(m.rec.ID)
	}
	run, err := m.current()
	if err != nil || m.state().State.Status == container.StatusPaused {
		return f()
	}
	if !freezable(run) {
		return api.Errorf(api.ErrUnsupported, "fork container %s: it runs, and has no cgroup, which freezes processes: stop it first, "+
			"run as root, or where systemd delegates cgroups v2 to users", names.Short(m.rec.ID))
	}
	err = run.rc.Pause()
	if errors.Is(err, libcontainer.ErrNotRunning) { // it ended just now
		return f()
	}
	if err != nil {
		return err
	}
	err = f()
	rerr := run.rc.Resume()
	if errors.Is(rerr, libcontainer.ErrNotPaused) || errors.Is(rerr, libcontainer.ErrNotRunning) { // a kill woke it up
		rerr = api.Errorf(api.ErrNotRunning, "container %s: it was killed while its files were read: try again", names.Short(m.rec.ID))
	}
	return errors.Join(err, rerr)
}
