package containers

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"

	docker "github.com/moby/moby/api/types/container"

	"github.com/caisson-dev/caisson/container"
	"github.com/caisson-dev/caisson/dockerapi/internal/wire"
	"github.com/caisson-dev/caisson/dockerapi/shape"
)

// wait answers 200 before it waits, so that the client can start the container once it has the answer.
func (s *Service) wait(w http.ResponseWriter, r *wire.Request) error {
	condition := docker.WaitCondition(r.Query("condition"))
	switch condition {
	case "", docker.WaitConditionNotRunning, docker.WaitConditionNextExit, docker.WaitConditionRemoved:
	default:
		return wire.BadRequest("invalid condition: %q", condition)
	}
	c, info, err := s.Backend.Inspect(r.Context(), r.Name)
	if err != nil {
		return err
	}
	if !r.Version.AtLeast(30) {
		st, err := waitFor(r.Context(), c, info, condition)
		if err != nil {
			return err
		}
		return wire.OK(w, docker.WaitResponse{StatusCode: int64(st.ExitCode)})
	}
	w.Header().Set("Content-Type", "application/json")
	out := wire.Flushed(w)
	st, err := waitFor(r.Context(), c, info, condition)
	answer := docker.WaitResponse{StatusCode: int64(st.ExitCode)}
	if err != nil {
		answer.StatusCode, answer.Error = 125, &docker.WaitExitError{Message: err.Error()}
	}
	return json.NewEncoder(out).Encode(answer)
}

// waitFor waits for what condition says, of the container that was as info says.
func waitFor(ctx context.Context, c *container.Container, info *container.Info, condition docker.WaitCondition) (container.State, error) {
	running := shape.Running(info.State.Status)
	switch condition {
	case docker.WaitConditionNextExit:
		return c.WaitNext(ctx, info.State)
	case docker.WaitConditionRemoved:
		// One that was never started may be removed without an end.
		removed := make(chan error, 1)
		go func() { removed <- c.WaitRemoved(ctx) }()
		st, err := c.Wait(ctx)
		if rerr := <-removed; rerr != nil {
			return st, rerr
		}
		if errors.Is(err, container.ErrNotFound) {
			return info.State, nil
		}
		return st, err
	}
	if !running {
		return info.State, nil // also one that was never started, as in Docker
	}
	return c.Wait(ctx)
}
