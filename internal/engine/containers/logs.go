//go:build linux

package containers

import (
	"bufio"
	"context"
	"encoding/binary"
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
	var follow *logfile.Log
	if m := s.mine(id); m != nil && opts.Follow {
		if run, err := m.current(); err == nil {
			follow = run.log
		}
	}
	rd, err := s.openLog(id, opts)
	if err != nil {
		wire.Fail(w, err)
		return
	}
	defer rd.Close()
	rc := http.NewResponseController(w)
	if err := rc.Flush(); err != nil { // the caller waits for the header
		return
	}
	bw := bufio.NewWriterSize(w, logfile.MaxChunk)
	fw := api.NewFrameWriter(bw)
	err = sendLog(r.Context(), rd, follow, func(e logfile.Entry) error {
		if !opts.Since.IsZero() && e.Time.Before(opts.Since) {
			return nil
		}
		if !opts.Until.IsZero() && e.Time.After(opts.Until) {
			return io.EOF
		}
		return fw.Frame(kindOf(e), append(binary.BigEndian.AppendUint64(make([]byte, 0, api.LogTime+len(e.Data)), uint64(e.Time.UnixNano())), e.Data...))
	}, func() error {
		return errors.Join(bw.Flush(), rc.Flush())
	})
	// The client is gone when these fail.
	if err != nil && r.Context().Err() == nil {
		_ = fw.JSON(api.Failure, api.ToError(err))
	}
	_ = bw.Flush()
}

// openLog opens the log where the wanted lines begin.
func (s *Service) openLog(id string, opts container.LogsOptions) (*logfile.Reader, error) {
	if opts.Tail == 0 {
		return logfile.Read(s.logPath(id), 0)
	}
	return logfile.ReadTail(s.logPath(id), max(opts.Tail, 0))
}

func kindOf(e logfile.Entry) api.Kind {
	if e.Stream == logfile.Stderr {
		return api.Stderr
	}
	return api.Stdout
}

// sendLog gives entries to send up to the end of the log, or of the run that writes it, and calls flush whenever it
// has to wait for more. io.EOF from send ends it without an error.
func sendLog(ctx context.Context, rd *logfile.Reader, follow *logfile.Log, send func(logfile.Entry) error, flush func() error) error {
	for {
		var e logfile.Entry
		var err error
		if follow != nil {
			if !rd.Ready(follow) {
				if err := flush(); err != nil {
					return err
				}
			}
			e, err = rd.Follow(ctx, follow)
		} else {
			e, err = rd.Next()
		}
		if err == nil {
			err = send(e)
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
	}
}
