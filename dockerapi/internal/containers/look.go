package containers

import (
	"errors"
	"net/http"
	"strings"
	"time"

	docker "github.com/moby/moby/api/types/container"

	"github.com/caisson-dev/caisson/container"
	"github.com/caisson-dev/caisson/dockerapi/internal/wire"
	"github.com/caisson-dev/caisson/dockerapi/shape"
)

func (s *Service) top(w http.ResponseWriter, r *wire.Request) error {
	columns, err := shape.TopColumns(strings.Fields(r.Query("ps_args")))
	if err != nil {
		return wire.BadRequest("%w", err)
	}
	c, err := s.Container(r.Context(), r.Name)
	if err != nil {
		return err
	}
	list, err := c.Top(r.Context())
	if errors.Is(err, container.ErrNotRunning) {
		return wire.Conflict("container %s is not running", c.ID())
	}
	if err != nil {
		return err
	}
	titles, rows := shape.TopTable(columns, list, time.Now())
	return wire.OK(w, docker.TopResponse{Titles: titles, Processes: rows})
}

// stats sends samples. The first that is not followed by another is made of two, so that it says how much is used now, unless
// the client wants it at once.
func (s *Service) stats(w http.ResponseWriter, r *wire.Request) error {
	c, info, err := s.Backend.Inspect(r.Context(), r.Name)
	if err != nil {
		return err
	}
	stream, oneShot := r.BoolOr("stream", true), r.Version.AtLeast(41) && r.Bool("one-shot")
	w.Header().Set("Content-Type", "application/json")
	out := wire.NewJSONStream(wire.Flushed(w))
	if !shape.Running(info.State.Status) {
		return out.Send(docker.StatsResponse{ID: info.ID, Name: "/" + info.Name, OSType: "linux"})
	}
	var last docker.StatsResponse
	n := 0
	for sample, err := range c.StatsStream(r.Context(), container.StatsOptions{}) {
		if err != nil {
			if n == 0 && errors.Is(err, container.ErrNotRunning) {
				return out.Send(docker.StatsResponse{ID: info.ID, Name: "/" + info.Name, OSType: "linux"})
			}
			return err
		}
		now := shape.Stats(info, sample, last)
		last = now
		n++
		if !stream && !oneShot && n == 1 {
			continue
		}
		if err := out.Send(now); err != nil || !stream {
			return err
		}
	}
	if n == 1 && !stream { // it ended before there was another
		return out.Send(last)
	}
	return nil
}
