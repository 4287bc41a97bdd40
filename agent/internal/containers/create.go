//go:build linux

package containers

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/opencontainers/runtime-spec/specs-go"
	"go.podman.io/storage"

	"github.com/caisson-dev/caisson/agent/internal/images"
	"github.com/caisson-dev/caisson/agent/internal/names"
	"github.com/caisson-dev/caisson/agent/internal/volumes"
	"github.com/caisson-dev/caisson/container"
	"github.com/caisson-dev/caisson/image"
	"github.com/caisson-dev/caisson/internal/api"
	"github.com/caisson-dev/caisson/internal/atomicfile"
	"github.com/caisson-dev/caisson/internal/flock"
)

func (s *Service) create(r *http.Request, opts container.Options) (api.Created, error) {
	return s.make(r.Context(), opts, nil)
}

// make makes a container. modify, if any, changes its specification.
func (s *Service) make(ctx context.Context, opts container.Options, modify func(*specs.Spec) (*specs.Spec, error)) (api.Created, error) {
	network := opts.Network
	if err := firstError(
		func() error { return validate(&opts) },
		func() error { return s.Host.can(&opts) },
		func() error { return s.joins(&opts) },
		func() error { return s.canJoin(&opts, network) },
	); err != nil {
		return api.Created{}, err
	}
	img, err := s.Pulls.Ensure(ctx, opts.Image, pullPolicy(opts.Pull), nil)
	if err != nil {
		return api.Created{}, err
	}
	rec, err := newRecord(opts, img)
	if err != nil {
		return api.Created{}, err
	}
	if rec.Hostname, err = s.newHostname(rec); err != nil {
		return api.Created{}, err
	}
	if err := s.findImages(ctx, rec); err != nil {
		return api.Created{}, err
	}
	// From here on nothing is given up half way because the caller went: what is begun is made or undone.
	lock, err := s.newDir(rec)
	if err != nil {
		return api.Created{}, err
	}
	err = s.build(ctx, rec, img)
	if err == nil && modify != nil {
		err = s.modify(rec, modify)
	}
	if err != nil {
		return api.Created{}, errors.Join(err, s.erase(rec), unlock(lock))
	}
	st := &State{State: container.State{Status: container.StatusCreated}}
	m := newManaged(s, rec, st, lock)
	if rec.Options.Detach {
		err = errors.Join(s.save(rec, "state.json", st), s.syncNames(), atomicfile.SyncDir(s.layout.Containers()))
		lock.Unlock()
	} else if err = m.manage(); err == nil {
		err = s.add(m)
	}
	if err != nil {
		return api.Created{}, errors.Join(err, s.erase(rec), unlock(lock))
	}
	return api.Created{ID: rec.ID, Name: rec.Name}, nil
}

func unlock(l *flock.Lock) error {
	l.Unlock()
	return nil
}

func pullPolicy(p image.PullPolicy) image.PullPolicy {
	if p == "" {
		return image.PullMissing
	}
	return p
}

// newRecord joins what the options say with what the image says, as Docker does.
func newRecord(opts container.Options, img *images.Resolved) (*Record, error) {
	rec := &Record{
		ID: names.NewID(), Name: opts.Name, ImageID: "sha256:" + img.ID, Created: time.Now(), Options: opts, Config: img.Config,
		Dir: opts.Dir, User: opts.User,
	}
	if rec.Name == "" {
		rec.Name = names.MadeUp()
	}
	entrypoint, cmd := opts.Entrypoint, opts.Cmd
	if entrypoint == nil {
		entrypoint = img.Config.Entrypoint
		if cmd == nil {
			cmd = img.Config.Cmd
		}
	}
	rec.Command = append(slices.Clone(entrypoint), cmd...)
	if len(rec.Command) == 0 || rec.Command[0] == "" {
		return nil, api.Errorf(api.ErrInvalidArgument, "container of image %s: no command: the image has neither ENTRYPOINT nor CMD: set Options.Cmd", opts.Image)
	}
	rec.Env = mergeEnv(img.Config.Env, opts.Env)
	if rec.Dir == "" {
		rec.Dir = img.Config.WorkingDir
	}
	if rec.Dir == "" {
		rec.Dir = "/"
	}
	if rec.User == "" {
		rec.User = img.Config.User
	}
	if rec.Options.Lifecycle.StopSignal == "" {
		rec.Options.Lifecycle.StopSignal = img.Config.StopSignal
	}
	rec.Health = mergeHealth(opts.Health, img.Config.Health)
	rec.Mounts = mounts(opts.Mounts, img.Config.Volumes)
	rec.Volumes = volumes.NameAnonymous(rec.Mounts)
	return rec, nil
}

// mounts adds an anonymous volume for each VOLUME of the image that no mount covers.
func mounts(given []container.Mount, declared []string) []container.Mount {
	out := slices.Clone(given)
	for _, v := range declared {
		if !slices.ContainsFunc(given, func(m container.Mount) bool { return m.Target == v }) {
			out = append(out, container.Mount{Type: container.MountVolume, Target: v})
		}
	}
	// A mount below another's target must come after it.
	slices.SortStableFunc(out, func(a, b container.Mount) int { return len(a.Target) - len(b.Target) })
	return out
}

// findImages finds the images that are mounted, and writes their ids in place of their names.
func (s *Service) findImages(ctx context.Context, rec *Record) error {
	for i := range rec.Mounts {
		m := &rec.Mounts[i]
		if m.Type != container.MountImage {
			continue
		}
		img, err := s.Pulls.Ensure(ctx, m.Source, pullPolicy(rec.Options.Pull), nil)
		if err != nil {
			return fmt.Errorf("mount %s: %w", m.Target, err)
		}
		m.Source = "sha256:" + img.ID
	}
	return nil
}

// newDir makes the container's directory with its record, and claims its name. The record is whole: it names the
// anonymous volumes that are made next, so that whatever happens then, they go with it. The
// directory appears with its lock held: another agent's clean-up takes one whose lock is free for the leavings of a dead
// one.
func (s *Service) newDir(rec *Record) (*flock.Lock, error) {
	made, err := s.Images.Temp().Make("container")
	if err != nil {
		return nil, err
	}
	lock, err := flock.Try(filepath.Join(made, "lock"), flock.Exclusive)
	if err == nil && lock == nil {
		err = errBusy
	}
	if err == nil {
		err = os.Rename(made, s.dir(rec.ID))
	}
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(made))
	}
	if err = s.save(rec, "config.json", rec); err == nil {
		err = s.claimName(rec.Name, rec.ID)
	}
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(s.dir(rec.ID)), unlock(lock))
	}
	return lock, nil
}

// build makes the read-write layer, the volumes and the directories of the host that are asked for.
func (s *Service) build(ctx context.Context, rec *Record, img *images.Resolved) error {
	if err := volumes.MakeSources(rec.Options.Mounts); err != nil {
		return err
	}
	shared, err := s.layout.Shared(ctx)
	if err != nil {
		return err
	}
	defer shared.Unlock()
	if err := s.volumes.Make(ctx, rec.Mounts, rec.Volumes, rec.durable()); err != nil {
		return err
	}
	_, err = s.Images.Storage().CreateContainer(rec.ID, nil, img.ID, "", "{}", &storage.ContainerOptions{
		Volatile: !rec.Options.Detach, // gone with its owner: nothing needs to survive a crash of the machine
	})
	if errors.Is(err, storage.ErrImageUnknown) || errors.Is(err, storage.ErrLayerUnknown) {
		return api.Errorf(api.ErrNotFound, "image %s: removed while the container was made: try again", rec.Options.Image)
	}
	return err
}
