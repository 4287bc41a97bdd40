//go:build linux

package containers

import (
	"context"
	"errors"
	"os"
	"time"

	"go.podman.io/storage"

	"github.com/caisson-dev/caisson/agent/internal/records"
	"github.com/caisson-dev/caisson/agent/internal/spec"
	"github.com/caisson-dev/caisson/container"
	"github.com/caisson-dev/caisson/internal/api"
	"github.com/caisson-dev/caisson/internal/flock"
)

// Collect removes what agents left that were killed: processes, cgroups, mounts and layers of containers whose lock
// no one holds. Detached containers become exited ones.
func (s *Service) Collect(ctx context.Context) error {
	ids, err := s.records.IDs()
	if err != nil {
		return err
	}
	var errs []error
	for _, id := range ids {
		lock, err := flock.TryDying(s.records.Path(id, "lock"), flock.Exclusive)
		if lock == nil {
			if err != nil && !errors.Is(err, os.ErrNotExist) {
				errs = append(errs, err)
			}
			continue
		}
		errs = append(errs, s.collect(ctx, id))
		lock.Unlock()
	}
	return errors.Join(append(errs, s.records.Sweep())...)
}

// CleanRun ends the processes of all containers and removes their cgroups and libcontainer's state, the last that is
// known of them. No other agent of the store may live.
func (s *Service) CleanRun() error { return s.rt.CleanAll() }

// clean ends what is left of a container whose agent is dead. rec is nil or empty if nothing is known of it.
func (s *Service) clean(id string, rec *records.Record) error {
	known := spec.Container{ID: id}
	if rec != nil && rec.ID == id {
		known = rec.Container
	}
	return s.rt.Clean(id, known.CgroupPath())
}

// collect looks after one container whose lock is held and whose manager, if it had one, is dead.
func (s *Service) collect(ctx context.Context, id string) error {
	rec, err := s.records.Record(id)
	if errors.Is(err, api.ErrNotFound) { // killed before it was anything
		return errors.Join(s.clean(id, nil), s.records.Remove(id))
	}
	if errors.Is(err, api.ErrCorrupt) {
		return s.collectDamaged(id, err)
	}
	if err != nil {
		return err
	}
	st, err := s.records.State(id)
	switch {
	case errors.Is(err, api.ErrCorrupt):
		return s.heal(ctx, id, rec, err)
	case errors.Is(err, api.ErrNotFound): // killed while it was made or removed
		return errors.Join(s.clean(id, rec), s.forget(rec))
	case err != nil:
		return err
	case st.Manager == "" && rec.Options.Detach && !live(st.State.Status):
		if stale(rec, st) {
			return s.forget(rec)
		}
		return nil
	}
	err = s.recover(ctx, id, st)
	if errors.Is(err, api.ErrNotFound) {
		return nil
	}
	return err
}

// recover cleans up after a dead manager; the container's lock is held. It returns ErrNotFound if that removed it.
func (s *Service) recover(_ context.Context, id string, st *records.State) error {
	rec, err := s.records.Record(id)
	if err != nil {
		return err
	}
	if err := s.clean(id, rec); err != nil {
		s.Logger.Warn("clean up after a dead agent", "container", id, "error", err)
	}
	ran := live(st.State.Status)
	if ran {
		*st = ended(st)
		s.emitAll(append(rec.Ended(st.State), rec.Left()...))
	}
	if !rec.Options.Detach || (rec.Options.AutoRemove && ran) {
		return errors.Join(s.forget(rec), records.NotFound(id))
	}
	if err := s.unmount(id); err != nil && !errors.Is(err, storage.ErrLayerNotMounted) {
		s.Logger.Warn("unmount after a dead agent", "container", id, "error", err)
	}
	st.Manager = ""
	return s.records.SaveState(rec, st)
}

// forget erases a container that a dead agent left.
func (s *Service) forget(rec *records.Record) error {
	known := s.Images.Storage().Exists(rec.ID)
	_, _ = s.Images.Storage().Unmount(rec.ID, true) // its mount went with the agent's namespace
	err := s.erase(rec)
	if !known {
		// A layer whose record went with a run root in memory is found by the store's own collection.
		err = errors.Join(err, s.Images.Storage().GarbageCollect())
	}
	return err
}

// ended is the state of a container that ran when its agent was killed, or when the machine went down.
func ended(st *records.State) records.State {
	out := *st
	out.State.Status, out.Pid, out.RootFS = container.StatusExited, 0, ""
	out.State.ExitCode, out.State.Signal = 128+int(killSignal), spec.SignalName(killSignal)
	out.State.Error = "its agent was killed, or the machine went down"
	out.State.Finished = time.Now()
	return out
}

// damaged describes a container one of whose files can't be read, by what is known of it.
func (s *Service) damaged(id string, rec *records.Record, why error) *container.Info {
	info := &container.Info{
		ID: id, Name: rec.Name, Image: rec.Options.Image, ImageID: rec.ImageID, Created: rec.Created,
		Command: rec.Command, Options: rec.Options, Mounts: rec.Mounts, LogPath: s.records.Path(id, "log"),
		State: container.State{Status: container.StatusDamaged, Error: why.Error()},
	}
	if st, err := os.Stat(s.records.Dir(id)); err == nil && rec.ID == "" {
		info.Created = st.ModTime()
	}
	return info
}

// damage says whether a file of the container can't be read, that of its state included.
func (s *Service) damage(id string, stateErr error) error {
	if errors.Is(stateErr, api.ErrCorrupt) {
		return stateErr
	}
	if _, err := s.records.CachedRecord(id); errors.Is(err, api.ErrCorrupt) {
		return err
	}
	return nil
}

// eraseDamaged removes a container whose record can't be read, and what is known of it. Its lock is held. Its volumes
// stay: which these are is not known.
func (s *Service) eraseDamaged(id string) error {
	rec := &records.Record{Name: s.records.NameOf(id)}
	rec.ID = id
	return errors.Join(s.clean(id, rec), s.forget(rec))
}

// collectDamaged looks after a container whose record can't be read, when no agent has it.
func (s *Service) collectDamaged(id string, why error) error {
	if s.records.Lost(id) {
		return s.eraseDamaged(id)
	}
	s.Logger.Warn("a container is damaged", "container", id, "error", why)
	return s.clean(id, nil)
}

// heal gives a container that no agent has, and whose state can't be read, a state that says so.
func (s *Service) heal(ctx context.Context, id string, rec *records.Record, why error) error {
	if !rec.Options.Detach { // it goes with its owner
		return errors.Join(s.clean(id, rec), s.forget(rec))
	}
	s.Logger.Warn("a container's state was damaged", "container", id, "error", why)
	st := ended(&records.State{State: container.State{Started: rec.Created}})
	st.State.ExitCode, st.State.Signal = 255, ""
	st.State.Error = "how it ended is not known: its file state.json was damaged"
	return s.recover(ctx, id, &st)
}
