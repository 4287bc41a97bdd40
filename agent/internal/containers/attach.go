//go:build linux

package containers

import (
	"bufio"
	"context"
	"encoding/json"
	"net"
	"net/http"

	"github.com/caisson-dev/caisson/agent/internal/logfile"
	"github.com/caisson-dev/caisson/agent/internal/names"
	"github.com/caisson-dev/caisson/agent/internal/records"
	"github.com/caisson-dev/caisson/agent/internal/streams"
	"github.com/caisson-dev/caisson/agent/internal/wire"
	"github.com/caisson-dev/caisson/container"
	"github.com/caisson-dev/caisson/internal/answer"
	"github.com/caisson-dev/caisson/internal/api"
)

func (s *Service) attach(w http.ResponseWriter, r *http.Request) {
	var req api.AttachRequest
	if err := wire.Decode(r.Body, &req); err != nil {
		wire.Fail(w, err)
		return
	}
	m := s.mine(r.PathValue("id"))
	if m == nil {
		wire.Fail(w, records.NotFound(r.PathValue("id")))
		return
	}
	if req.Stdin && !m.rec.Options.Stdin {
		wire.Fail(w, invalid("attach: container %s has no standard input: create it with Options.Stdin", names.Short(m.rec.ID)))
		return
	}
	run, err := m.present()
	if err != nil {
		wire.Fail(w, err)
		return
	}
	from := run.log.End()
	if req.Logs {
		from = run.log.From()
	}
	rd, err := run.log.Read(from)
	if err != nil {
		wire.Fail(w, err)
		return
	}
	defer rd.Close()
	conn, br, err := answer.Upgrade(w)
	if err != nil {
		wire.Fail(w, err)
		return
	}
	defer conn.Close()
	s.emit(container.EventAttach, m.rec)
	run.input.Resize(req.Size)
	run.serve(conn, br, rd, req.Stdin)
}

// serve connects a client with the run until it is over or the client goes.
func (r *run) serve(conn net.Conn, br *bufio.Reader, rd *logfile.Reader, stdin bool) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	go func() {
		defer cancel() // the client is gone
		r.readInput(ctx, api.NewFrameReader(br), stdin)
	}()
	fw := api.NewFrameWriter(conn)
	err := streams.SendLog(ctx, rd, r.log, func(e logfile.Entry) error { return fw.Frame(streams.KindOf(e), e.Data) }, func() error { return nil })
	if err != nil {
		if ctx.Err() == nil { // the log's, or the client is gone and this fails too
			_ = fw.JSON(api.Failure, api.ToError(err))
		}
		return
	}
	select {
	case <-r.done:
	case <-ctx.Done():
		return
	}
	// The client is gone when these fail.
	if r.err != nil {
		_ = fw.JSON(api.Failure, api.ToError(r.err))
		return
	}
	_ = fw.JSON(api.Exit, r.status)
}

// readInput brings the client's frames to the process, until the client closes the stream.
func (r *run) readInput(ctx context.Context, fr *api.FrameReader, stdin bool) {
	for {
		kind, p, err := fr.Next()
		if err != nil {
			return
		}
		if kind == api.Resize {
			var size api.Size
			if json.Unmarshal(p, &size) == nil {
				r.input.Resize(size)
			}
			continue
		}
		if !stdin {
			continue
		}
		select {
		case <-r.started:
		case <-r.done:
			continue
		case <-ctx.Done():
			return
		}
		switch kind {
		case api.Stdin:
			r.input.Write(p)
		case api.CloseInput:
			r.input.Close()
		}
	}
}

// resize sets the size of the container's terminal, now or when it starts.
func (s *Service) resize(r *http.Request, size api.Size) (wire.None, error) {
	m := s.mine(r.PathValue("id"))
	if m == nil {
		return wire.None{}, records.NotFound(r.PathValue("id"))
	}
	run, err := m.present()
	if err == nil {
		run.input.Resize(size)
	}
	return wire.None{}, err
}
