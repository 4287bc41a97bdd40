package containers

import (
	"context"
	"errors"
	"net/http"
	"strings"

	docker "github.com/moby/moby/api/types/container"

	"github.com/caisson-dev/caisson/container"
	"github.com/caisson-dev/caisson/dockerapi/internal/backend"
	"github.com/caisson-dev/caisson/dockerapi/internal/wire"
	"github.com/caisson-dev/caisson/dockerapi/request"
	"github.com/caisson-dev/caisson/dockerapi/shape"
)

func (s *Service) start(w http.ResponseWriter, r *wire.Request) error {
	c, err := s.Container(r.Context(), r.Name)
	if err != nil {
		return err
	}
	switch err := c.Start(r.Context()); {
	case errors.Is(err, container.ErrRunning):
		if info, ierr := c.Inspect(r.Context()); ierr == nil && info.State.Status == container.StatusPaused {
			return wire.Conflict("cannot start a paused container, try unpause instead")
		}
		return wire.NotModified
	case err != nil:
		s.dropFailed(r.Context(), c)
		return startError(r.Name, err)
	}
	return wire.Empty(w, http.StatusNoContent)
}

// dropFailed removes a container with AutoRemove that could not be started: clients wait for that.
func (s *Service) dropFailed(ctx context.Context, c *container.Container) {
	info, err := c.Inspect(ctx)
	if err != nil || !info.Options.AutoRemove || shape.Running(info.State.Status) {
		return
	}
	if err := c.Remove(ctx, container.RemoveOptions{}); err != nil {
		s.Logger.Warn("remove a container that could not be started", "container", c.ID(), "error", err)
	}
}

// startError has the texts by which clients choose an exit code: 127 for a command that is not there, 126 for one that can't
// be executed.
func startError(ref string, err error) error {
	const runtime = "failed to create task for container: failed to create shim task: OCI runtime create failed: runc create failed: unable to start container process: "
	switch {
	case errors.Is(err, container.ErrCommandNotFound):
		return wire.BadRequest("%serror during container init: exec: %w: executable file not found in $PATH: no such file or directory", runtime, err)
	case errors.Is(err, container.ErrNotExecutable):
		return wire.BadRequest("%serror during container init: exec: %w: permission denied", runtime, err)
	case errors.Is(err, container.ErrPortInUse):
		return wire.Errorf(http.StatusInternalServerError, "failed to set up container networking: driver failed programming external connectivity on endpoint %s: Bind for port failed: port is already allocated: %w", ref, err)
	case errors.Is(err, container.ErrNotFound):
		return wire.NotFound("%w", err)
	}
	return err
}

// stopOptions reads signal and t.
func stopOptions(r *wire.Request) (o container.StopOptions, err error) {
	if r.Version.AtLeast(42) {
		o.Signal = r.Query("signal")
	}
	if r.Query("t") != "" {
		n, err := r.Int("t")
		if err != nil {
			return o, err
		}
		o.Timeout = request.Timeout(n)
	}
	return o, nil
}

func (s *Service) stop(w http.ResponseWriter, r *wire.Request) error {
	o, err := stopOptions(r)
	if err != nil {
		return err
	}
	c, info, err := s.Backend.Inspect(r.Context(), r.Name)
	if err != nil {
		return err
	}
	if !shape.Running(info.State.Status) {
		return wire.NotModified
	}
	if err := c.Stop(r.Context(), o); err != nil && !errors.Is(err, container.ErrNotFound) { // AutoRemove has removed it
		return err
	}
	return wire.Empty(w, http.StatusNoContent)
}

func (s *Service) restart(w http.ResponseWriter, r *wire.Request) error {
	o, err := stopOptions(r)
	if err != nil {
		return err
	}
	c, err := s.Container(r.Context(), r.Name)
	if err != nil {
		return err
	}
	if err := c.Restart(r.Context(), o); err != nil {
		return startError(r.Name, err)
	}
	return wire.Empty(w, http.StatusNoContent)
}

func (s *Service) kill(w http.ResponseWriter, r *wire.Request) error {
	c, err := s.Container(r.Context(), r.Name)
	if err != nil {
		return wire.Errorf(wire.StatusOf(err), "cannot kill container: %s: %w", r.Name, err)
	}
	switch err := c.Kill(r.Context(), r.Query("signal")); {
	case errors.Is(err, container.ErrNotRunning):
		return wire.Conflict("cannot kill container: %s: container %s is not running", r.Name, c.ID())
	case errors.Is(err, container.ErrInvalidArgument):
		return wire.BadRequest("invalid signal: %s", r.Query("signal"))
	case err != nil:
		return err
	}
	return wire.Empty(w, http.StatusNoContent)
}

func (s *Service) pause(w http.ResponseWriter, r *wire.Request) error {
	c, err := s.Container(r.Context(), r.Name)
	if err != nil {
		return err
	}
	switch err := c.Pause(r.Context()); {
	case errors.Is(err, container.ErrNotRunning):
		return wire.Conflict("container %s is not running", c.ID())
	case errors.Is(err, container.ErrPaused):
		return wire.Conflict("container %s is already paused", c.ID())
	case err != nil:
		return err
	}
	return wire.Empty(w, http.StatusNoContent)
}

func (s *Service) unpause(w http.ResponseWriter, r *wire.Request) error {
	c, err := s.Container(r.Context(), r.Name)
	if err != nil {
		return err
	}
	switch err := c.Resume(r.Context()); {
	case errors.Is(err, container.ErrNotPaused), errors.Is(err, container.ErrNotRunning):
		return wire.Errorf(http.StatusInternalServerError, "Container %s is not paused", c.ID())
	case err != nil:
		return err
	}
	return wire.Empty(w, http.StatusNoContent)
}

func (s *Service) rename(w http.ResponseWriter, r *wire.Request) error {
	name := r.Query("name")
	c, info, err := s.Backend.Inspect(r.Context(), r.Name)
	switch {
	case err != nil:
		return err
	case strings.TrimPrefix(name, "/") == "":
		return wire.BadRequest("Neither old nor new names may be empty")
	case !validName.MatchString(name):
		return wire.BadRequest("Error when allocating new name: Invalid container name (%s), only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed", name)
	case strings.TrimPrefix(name, "/") == info.Name:
		return wire.BadRequest("Renaming a container with the same name as its current name")
	}
	switch err := c.Rename(r.Context(), strings.TrimPrefix(name, "/")); {
	case errors.Is(err, container.ErrNameInUse):
		return wire.Conflict("Error when allocating new name: %w", s.nameTaken(r.Context(), name))
	case err != nil:
		return err
	}
	return wire.Empty(w, http.StatusNoContent)
}

func (s *Service) update(w http.ResponseWriter, r *wire.Request) error {
	var in docker.UpdateConfig
	if err := r.Decode(&in, false); err != nil {
		return err
	}
	c, err := s.Container(r.Context(), r.Name)
	if err != nil {
		return err
	}
	o, err := request.Update(in)
	if err != nil {
		return err
	}
	switch err := c.Update(r.Context(), o); {
	case errors.Is(err, container.ErrNotFound):
		return backend.NoContainer(r.Name)
	case err != nil:
		return wire.Errorf(wire.StatusOf(err), "Cannot update container %s: %w", c.ID(), err)
	}
	return wire.OK(w, docker.UpdateResponse{Warnings: []string{}})
}

func (s *Service) remove(w http.ResponseWriter, r *wire.Request) error {
	c, err := s.Container(r.Context(), r.Name)
	if err != nil {
		return err
	}
	if r.Bool("link") {
		return wire.Conflict("Conflict, cannot remove the default link name of the container")
	}
	err = c.Remove(r.Context(), container.RemoveOptions{Force: r.Bool("force"), KeepVolumes: !r.Bool("v")})
	switch {
	case errors.Is(err, container.ErrRunning):
		state := "running"
		if info, ierr := c.Inspect(r.Context()); ierr == nil {
			state = string(info.State.Status)
		}
		if state == string(container.StatusPaused) {
			return wire.Conflict("cannot remove container %q: container is paused and must be unpaused first", r.Name)
		}
		return wire.Conflict("cannot remove container %q: container is %s: stop the container before removing or force remove", r.Name, state)
	case errors.Is(err, container.ErrNotFound):
		return backend.NoContainer(r.Name)
	case err != nil:
		return err
	}
	s.execs.forget(c.ID())
	return wire.Empty(w, http.StatusNoContent)
}

func (s *Service) resize(w http.ResponseWriter, r *wire.Request) error {
	size, err := sizeOf(r)
	if err != nil {
		return err
	}
	c, info, err := s.Backend.Inspect(r.Context(), r.Name)
	if err != nil {
		return err
	}
	if !shape.Running(info.State.Status) {
		return wire.Conflict("container %s is not running", c.ID())
	}
	if err := c.Resize(r.Context(), size); err != nil {
		return err
	}
	return wire.Empty(w, http.StatusOK)
}

// sizeOf reads h and w.
func sizeOf(r *wire.Request) (container.Size, error) {
	h, err := r.Int("h")
	if err != nil {
		return container.Size{}, err
	}
	w, err := r.Int("w")
	if err != nil {
		return container.Size{}, err
	}
	if h < 0 || w < 0 || h > 65535 || w > 65535 || !r.Has("h") || !r.Has("w") {
		return container.Size{}, wire.BadRequest("invalid size of a terminal: h=%s, w=%s", r.Query("h"), r.Query("w"))
	}
	return container.Size{Width: uint16(w), Height: uint16(h)}, nil
}

func (s *Service) checkpointsRefused(http.ResponseWriter, *wire.Request) error {
	return wire.NotImplemented("checkpoints are not supported by this engine")
}

func (s *Service) copyRefused(http.ResponseWriter, *wire.Request) error {
	return wire.NotFound("POST /containers/{id}/copy was removed in API 1.24: use GET /containers/{id}/archive")
}
