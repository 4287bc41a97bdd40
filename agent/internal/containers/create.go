//go:build linux

package containers

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"go.podman.io/storage"
	"golang.org/x/sys/unix"

	"github.com/caisson-dev/caisson/agent/internal/images"
	"github.com/caisson-dev/caisson/agent/internal/names"
	"github.com/caisson-dev/caisson/agent/internal/records"
	"github.com/caisson-dev/caisson/agent/internal/spec"
	"github.com/caisson-dev/caisson/agent/internal/volumes"
	"github.com/caisson-dev/caisson/container"
	"github.com/caisson-dev/caisson/internal/api"
	"github.com/caisson-dev/caisson/internal/flock"
)

func (s *Service) create(r *http.Request, opts container.Options) (api.Created, error) {
	return s.make(r.Context(), opts, nil)
}

// make makes a container. finish, if any, does the rest before it is one.
func (s *Service) make(ctx context.Context, opts container.Options, finish func(*records.Record) error) (api.Created, error) {
	opts, err := s.settle(opts)
	if err != nil {
		return api.Created{}, err
	}
	img, err := s.Pulls.Ensure(ctx, opts.Image, opts.Pull, nil)
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
	if err == nil && finish != nil {
		err = finish(rec)
	}
	if err != nil {
		return api.Created{}, errors.Join(err, s.erase(rec), unlock(lock))
	}
	st := &records.State{State: container.State{Status: container.StatusCreated}}
	m := newManaged(s, rec, st, lock)
	if rec.Options.Detach {
		err = errors.Join(s.Images.SyncContainer(rec.ID), s.records.SaveState(rec, st), s.records.Sync())
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

// settle returns the options complete, with the containers whose namespaces are shared by their ids, or says why there
// can't be such a container.
func (s *Service) settle(given container.Options) (container.Options, error) {
	if err := spec.Validate(given); err != nil {
		return given, err
	}
	opts := spec.Complete(given)
	facts, err := s.launch.Facts(opts)
	if err != nil {
		return opts, err
	}
	if err := spec.Check(opts, facts); err != nil {
		return opts, err
	}
	if err := s.joins(&opts); err != nil {
		return opts, err
	}
	return opts, s.canJoin(&opts, given.Network)
}

// newRecord joins the options with the image.
func newRecord(opts container.Options, img *images.Resolved) (*records.Record, error) {
	c, err := spec.Join(opts, img.Config)
	if err != nil {
		return nil, err
	}
	var stack unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_STACK, &stack); err != nil {
		return nil, fmt.Errorf("look up the limit of the stack: %w", err)
	}
	if err := spec.CheckSize(&c, stack.Cur); err != nil {
		return nil, err
	}
	c.ID = names.NewID()
	rec := &records.Record{Container: c, Name: opts.Name, ImageID: "sha256:" + img.ID, Created: time.Now(), ImageLabels: img.Raw.Config.Labels}
	if rec.Name == "" {
		rec.Name = names.MadeUp()
	}
	rec.Volumes = volumes.NameAnonymous(rec.Mounts)
	return rec, nil
}

// findImages finds the images that are mounted, and writes their ids in place of their names.
func (s *Service) findImages(ctx context.Context, rec *records.Record) error {
	for i := range rec.Mounts {
		m := &rec.Mounts[i]
		if m.Type != container.MountImage {
			continue
		}
		img, err := s.Pulls.Ensure(ctx, m.Source, rec.Options.Pull, nil)
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
func (s *Service) newDir(rec *records.Record) (*flock.Lock, error) {
	made, err := s.Images.Temp().Make("container")
	if err != nil {
		return nil, err
	}
	lock, err := flock.Try(filepath.Join(made, "lock"), flock.Exclusive)
	if err == nil && lock == nil {
		err = errBusy
	}
	if err == nil {
		err = os.Rename(made, s.records.Dir(rec.ID))
	}
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(made))
	}
	if err = s.records.SaveRecord(rec); err == nil {
		err = s.records.Claim(rec.Name, rec.ID)
	}
	if err != nil {
		return nil, errors.Join(err, s.records.Remove(rec.ID), unlock(lock))
	}
	return lock, nil
}

// build makes the read-write layer, the volumes and the directories of the host that are asked for.
func (s *Service) build(ctx context.Context, rec *records.Record, img *images.Resolved) error {
	if err := volumes.MakeSources(rec.Options.Mounts); err != nil {
		return err
	}
	shared, err := s.layout.Shared(ctx)
	if err != nil {
		return err
	}
	defer shared.Unlock()
	if err := s.volumes.Make(ctx, rec.Mounts, rec.Volumes, rec.Durable()); err != nil {
		return err
	}
	_, err = s.Images.Storage().CreateContainer(rec.ID, nil, img.ID, "", "{}", &storage.ContainerOptions{
		Volatile: !rec.Options.Detach, // gone with its owner: nothing needs to survive a crash of the machine
	})
	if errors.Is(err, storage.ErrImageUnknown) || errors.Is(err, storage.ErrLayerUnknown) {
		return api.Errorf(api.ErrNotFound, "image %s: it was removed while the container was made: try again", rec.Options.Image)
	}
	return err
}

// joins finds the containers whose namespaces are shared. It writes their ids in place of their names.
func (s *Service) joins(o *container.Options) error {
	for _, ns := range spec.Sharings(*o) {
		name := spec.ContainerOf(ns.Mode)
		if name == "" {
			continue
		}
		id, err := s.records.Lookup(name)
		if err != nil {
			return fmt.Errorf("%s: %w", ns.Field, err)
		}
		spec.Share(o, ns.Kind, "container:"+id)
	}
	return nil
}

// newHostname is what a new container calls itself.
func (s *Service) newHostname(rec *records.Record) (string, error) {
	o := &rec.Options
	if o.Networking.Hostname != "" {
		return o.Networking.Hostname, nil
	}
	for _, mode := range []string{string(o.Namespaces.UTS), string(o.Network)} {
		if id := spec.ContainerOf(mode); id != "" {
			other, err := s.records.Record(id)
			if err != nil {
				return "", err
			}
			return other.Hostname, nil
		}
		if mode == "host" {
			name, err := os.Hostname()
			if err != nil {
				return "", api.Errorf(api.ErrUnsupported, "the host's name: %w", err)
			}
			return name, nil
		}
	}
	return names.Short(rec.ID), nil
}
