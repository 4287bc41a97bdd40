//go:build linux

package containers

import (
	"context"
	"errors"
	"io"
	"net/http"

	"github.com/caisson-dev/caisson/container"
	"github.com/caisson-dev/caisson/internal/api"
	"github.com/caisson-dev/caisson/internal/engine/logfile"
	"github.com/caisson-dev/caisson/internal/engine/wire"
)

func (s *Service) logs(w http.ResponseWriter, r *http.Request) {
	var opts container.LogsOptions
	if err := wire.Decode(r.Body, &opts); err != nil {
		wire.Fail(w, err)
		return
	}
	id := r.PathValue("id")
	if _, err := s.loadRecord(id); err != nil {
		wire.Fail(w, err)
		return
	}
	rd, err := logfile.Read(s.logPath(id), 0)
	if err != nil {
		wire.Fail(w, err)
		return
	}
	defer rd.Close()
	var follow *logfile.Log
	if m := s.mine(id); m != nil && opts.Follow {
		if run, err := m.current(); err == nil {
			follow = run.log
		}
	}
	rc := http.NewResponseController(w)
	fw := api.NewFrameWriter(w)
	if err := rc.Flush(); err != nil {
		return
	}
	if err := sendLog(r.Context(), fw, rd, follow, rc.Flush); err != nil && r.Context().Err() == nil {
		_ = fw.JSON(api.Failure, api.ToError(err)) // the client is gone when this fails
	}
}

// sendLog sends entries as frames to the end of the log, or of the run that writes it.
func sendLog(ctx context.Context, fw *api.FrameWriter, rd *logfile.Reader, follow *logfile.Log, flush func() error) error {
	for {
		var e logfile.Entry
		var err error
		if follow != nil {
			e, err = rd.Follow(ctx, follow)
		} else {
			e, err = rd.Next()
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		kind := api.Stdout
		if e.Stream == logfile.Stderr {
			kind = api.Stderr
		}
		if err := fw.Frame(kind, e.Data); err != nil {
			return err
		}
		if follow != nil && flush != nil {
			if err := flush(); err != nil {
				return err
			}
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
	}
}
