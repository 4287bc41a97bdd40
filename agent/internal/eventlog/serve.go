//go:build linux

package eventlog

import (
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"

	"github.com/caisson-dev/caisson/agent/internal/wire"
	"github.com/caisson-dev/caisson/container"
)

// Serve answers a request that follows the log.
func (l *Log) Serve(w http.ResponseWriter, r *http.Request) {
	var opts container.EventsOptions
	if err := wire.Decode(r.Body, &opts); err != nil {
		wire.Fail(w, err)
		return
	}
	rd, err := l.Read(opts.Since)
	if err != nil {
		wire.Fail(w, err)
		return
	}
	defer rd.Close()
	out := wire.NewEvents(w)
	if err := http.NewResponseController(w).Flush(); err != nil {
		return // the caller is gone
	}
	for {
		e, err := rd.Follow(r.Context(), opts.Until)
		if errors.Is(err, io.EOF) {
			out.End(wire.None{}, nil)
			return
		}
		if err != nil {
			out.End(nil, err)
			return
		}
		if !wanted(opts, e) {
			continue
		}
		if err := out.Progress(e); err != nil {
			return // the caller is gone
		}
	}
}

// wanted says whether an event is among those that are asked for.
func wanted(o container.EventsOptions, e container.Event) bool {
	switch {
	case len(o.Types) > 0 && !slices.Contains(o.Types, e.Type):
		return false
	case len(o.Actions) > 0 && !slices.Contains(o.Actions, e.Action):
		return false
	case o.Container == "":
		return true
	}
	return e.Type == container.EventContainer && (e.Name == o.Container || strings.HasPrefix(e.ID, o.Container))
}
