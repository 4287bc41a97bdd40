//go:build linux

package containers

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"time"

	"github.com/caisson-dev/caisson/agent/internal/names"
	"github.com/caisson-dev/caisson/agent/internal/records"
	"github.com/caisson-dev/caisson/agent/internal/selection"
	"github.com/caisson-dev/caisson/agent/internal/wire"
	"github.com/caisson-dev/caisson/container"
	"github.com/caisson-dev/caisson/internal/api"
)

func (s *Service) inspect(r *http.Request, _ wire.None) (*container.Info, error) {
	return s.info(r.Context(), r.PathValue("id"), map[string]bool{})
}

// info describes a container from its files. up remembers which agents answer.
func (s *Service) info(ctx context.Context, id string, up map[string]bool) (*container.Info, error) {
	rec, err := s.records.CachedRecord(id)
	if errors.Is(err, api.ErrCorrupt) {
		return s.damaged(id, &records.Record{Name: s.records.NameOf(id)}, err), nil
	}
	if err != nil {
		return nil, err
	}
	st, err := s.records.CachedState(id)
	if errors.Is(err, api.ErrCorrupt) {
		return s.damaged(id, rec, err), nil
	}
	if err != nil {
		return nil, err
	}
	if st.Manager != "" && st.Manager != s.Socket && s.mine(id) == nil {
		ok, known := up[st.Manager]
		if !known {
			ok = alive(ctx, st.Manager)
			up[st.Manager] = ok
		}
		if !ok {
			if st, err = s.salvage(ctx, id, st); err != nil {
				return nil, err
			}
		}
	}
	return &container.Info{
		ID: rec.ID, Name: rec.Name, Image: rec.Options.Image, ImageID: rec.ImageID, Created: rec.Created, State: st.State,
		PID: st.Pid, Command: rec.Command, Options: rec.Options, Config: rec.Config, Labels: rec.Labels(), Mounts: rec.Mounts,
		Networks: st.Networks, Ports: st.Ports, RootFS: st.RootFS, LogPath: s.records.Path(id, "log"),
		Health: st.Health, Restarts: st.Restarts,
	}, nil
}

// salvage cleans up after a container's dead agent and returns the state since.
func (s *Service) salvage(ctx context.Context, id string, st *records.State) (*records.State, error) {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	if _, err := s.find(ctx, id, func(*records.State) bool { return false }); err != nil {
		if errors.Is(err, api.ErrNotFound) {
			return nil, err // it went with its agent
		}
		// The dead agent's last threads still hold the lock: what it will be is known all the same.
		gone := ended(st)
		return &gone, nil
	}
	return s.records.State(id)
}

func (s *Service) list(r *http.Request, opts container.ListOptions) ([]container.Info, error) {
	sel, layers, err := s.selected(r.Context(), opts)
	if err != nil {
		return nil, err
	}
	ids, err := s.records.IDs()
	if err != nil {
		return nil, err
	}
	s.records.Keep(ids)
	infos := []container.Info{}
	up := map[string]bool{}
	for _, id := range ids {
		info, err := s.info(r.Context(), id, up)
		if errors.Is(err, api.ErrNotFound) {
			continue // half made or just removed
		}
		if err != nil {
			return nil, err
		}
		if sel.Fits(info) && (len(layers) == 0 || s.Images.BuiltOn(info.ImageID, layers)) {
			infos = append(infos, *info)
		}
	}
	slices.SortFunc(infos, func(a, b container.Info) int { return b.Created.Compare(a.Created) })
	return infos, nil
}

func (s *Service) prune(r *http.Request, opts container.PruneOptions) (container.PruneResult, error) {
	res := container.PruneResult{}
	infos, err := s.list(r, container.ListOptions{All: true, Labels: opts.Labels})
	if err != nil {
		return res, err
	}
	for _, info := range infos {
		switch {
		case live(info.State.Status), !info.Options.Detach,
			len(opts.NotLabels) > 0 && names.Labelled(selection.Labels(&info), opts.NotLabels),
			!opts.Until.IsZero() && info.Created.After(opts.Until):
			continue
		}
		size, err := s.Images.Storage().ContainerSize(info.ID)
		if err != nil {
			size = 0 // just removed
		}
		switch err := s.pruneOne(r.Context(), info.ID); {
		case err == nil:
			res.Deleted = append(res.Deleted, info.ID)
			res.Space += size
		case errors.Is(err, api.ErrNotFound), errors.Is(err, api.ErrRunning):
		default:
			return res, err
		}
	}
	return res, nil
}

// pruneOne removes a container unless it was started in the meantime. The agent of one that has just ended leaves in a
// moment; while it stays, the container is in use.
func (s *Service) pruneOne(ctx context.Context, id string) error {
	wait, cancel := context.WithTimeout(ctx, 3*time.Second)
	defer cancel()
	for {
		target, err := s.find(ctx, id, func(*records.State) bool { return false })
		switch {
		case err != nil:
			return err
		case target == "":
			return s.removeID(ctx, id, container.RemoveOptions{})
		}
		lock, err := s.lock(wait, id)
		switch {
		case err != nil && wait.Err() != nil && ctx.Err() == nil:
			return api.ErrRunning
		case err != nil:
			return err
		}
		lock.Unlock()
	}
}

// selected is a selection, and the top layers of ListOptions.Images.
func (s *Service) selected(ctx context.Context, o container.ListOptions) (sel selection.Selection, layers []string, err error) {
	sel = selection.Selection{ListOptions: o}
	if err := sel.Check(); err != nil {
		return sel, nil, err
	}
	for _, ref := range o.Images {
		img, err := s.Images.Resolve(ctx, ref)
		if err != nil {
			return sel, nil, err
		}
		layers = append(layers, img.TopLayer)
	}
	if sel.CreatedBefore, err = s.records.CreatedAt(o.Before); err != nil {
		return sel, nil, err
	}
	sel.CreatedSince, err = s.records.CreatedAt(o.Since)
	return sel, layers, err
}

// pidOf is the process of a container that runs, whichever agent has it.
func (s *Service) pidOf(id string) (int, error) {
	info, err := s.info(context.Background(), id, map[string]bool{})
	if err != nil {
		return 0, err
	}
	if info.PID == 0 {
		return 0, notRunning(id, info.State.Status)
	}
	return info.PID, nil
}
