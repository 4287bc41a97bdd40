//go:build linux

package containers

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net/http"

	"github.com/caisson-dev/caisson/agent/internal/logfile"
	"github.com/caisson-dev/caisson/agent/internal/records"
	"github.com/caisson-dev/caisson/agent/internal/streams"
	"github.com/caisson-dev/caisson/agent/internal/wire"
	"github.com/caisson-dev/caisson/container"
	"github.com/caisson-dev/caisson/internal/api"
)

func (s *Service) logs(w http.ResponseWriter, r *http.Request) {
	var opts container.LogsOptions
	if err := wire.Decode(r.Body, &opts); err != nil {
		wire.Fail(w, err)
		return
	}
	id := r.PathValue("id")
	rec, err := s.records.Record(id)
	if err != nil {
		wire.Fail(w, err)
		return
	}
	var present *run
	if opts.Follow {
		present = s.mine(id).followed()
	}
	rd, err := s.readLog(rec, opts)
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
	past := false
	send := func(e logfile.Entry) error {
		if !opts.Since.IsZero() && e.Time.Before(opts.Since) {
			return nil
		}
		if past = !opts.Until.IsZero() && e.Time.After(opts.Until); past {
			return io.EOF
		}
		return fw.Frame(streams.KindOf(e), append(binary.BigEndian.AppendUint64(make([]byte, 0, api.LogTime+len(e.Data)), uint64(e.Time.UnixNano())), e.Data...))
	}
	flush := func() error { return errors.Join(bw.Flush(), rc.Flush()) }
	for {
		err = streams.SendLog(r.Context(), rd, present.file(), send, flush)
		if err != nil || past || present == nil || !present.comesAgain(r.Context()) {
			break
		}
		present = s.mine(id).followed()
	}
	// The client is gone when these fail.
	if err != nil && r.Context().Err() == nil {
		_ = fw.JSON(api.Failure, api.ToError(err))
	}
	_ = bw.Flush()
}

// followed is the run whose log a follower waits for: the one that is, or that the restart policy is about to make.
func (m *managed) followed() *run {
	if m == nil || !live(m.state().State.Status) {
		return nil
	}
	r, err := m.present()
	if err != nil {
		return nil // removed just now
	}
	return r
}

// comesAgain says whether the restart policy follows the run with another; its log is closed.
func (r *run) comesAgain(ctx context.Context) bool {
	select {
	case <-r.done:
		return r.again
	case <-ctx.Done():
		return false
	}
}

// file is the log that the run writes.
func (r *run) file() *logfile.Run {
	if r == nil {
		return nil
	}
	return r.log
}

// readLog opens the log where the wanted lines begin.
func (s *Service) readLog(rec *records.Record, opts container.LogsOptions) (*logfile.Reader, error) {
	log, err := s.logNow(rec)
	if err != nil {
		return nil, err
	}
	if opts.Tail == 0 {
		return log.Read(logfile.Pos{})
	}
	return log.ReadTail(max(opts.Tail, 0))
}

// logNow is the log that this agent writes, or one that it only reads.
func (s *Service) logNow(rec *records.Record) (*logfile.Log, error) {
	m := s.mine(rec.ID)
	if m == nil {
		return s.logOf(rec)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.logLocked()
}

func (s *Service) logOf(rec *records.Record) (*logfile.Log, error) {
	o := rec.Options.Log
	return logfile.Open(s.records.Path(rec.ID, "log"), logfile.Limit{Size: o.MaxSize, Files: o.MaxFiles})
}
