//go:build linux

package engine

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"os"
	"sync"

	"github.com/caisson-dev/caisson/internal/api"
)

// lifeline is the connection to the owner: its end is the end of the agent.
type lifeline struct {
	f       *os.File
	mu      sync.Mutex
	e       *json.Encoder
	greeted bool
	held    []api.Log // from before the hello, which comes first
}

func newLifeline(f *os.File) *lifeline { return &lifeline{f: f, e: json.NewEncoder(f)} }

// hello sends the first line, and the records that came before it.
func (l *lifeline) hello(h api.Hello) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.greeted = true
	err := l.e.Encode(h)
	for _, rec := range l.held {
		if err == nil {
			err = l.e.Encode(rec)
		}
	}
	l.held = nil
	return err
}

func (l *lifeline) log(rec api.Log) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.greeted {
		l.held = append(l.held, rec)
		return nil
	}
	return l.e.Encode(rec)
}

// wait returns when the owner has ended or closed its end.
func (l *lifeline) wait() {
	_, _ = io.Copy(io.Discard, l.f) // whatever ends it is the end
}

// logHandler sends records to the owner's logger, and to standard error in debugging.
type logHandler struct {
	line  *lifeline
	debug bool
	attrs []slog.Attr
}

func (h *logHandler) Enabled(_ context.Context, l slog.Level) bool {
	return l >= slog.LevelInfo || h.debug
}

func (h *logHandler) Handle(_ context.Context, r slog.Record) error {
	rec := api.Log{Level: int(r.Level), Message: r.Message, Attrs: map[string]any{}}
	add := func(a slog.Attr) bool {
		rec.Attrs[a.Key] = fmt.Sprint(a.Value.Resolve().Any())
		return true
	}
	for _, a := range h.attrs {
		add(a)
	}
	r.Attrs(add)
	if h.debug {
		fmt.Fprintln(os.Stderr, "caisson-agent:", r.Time.Format("15:04:05.000"), r.Level, r.Message, rec.Attrs)
	}
	if h.line == nil {
		return nil
	}
	return h.line.log(rec)
}

func (h *logHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	c := *h
	c.attrs = append(h.attrs[:len(h.attrs):len(h.attrs)], attrs...)
	return &c
}

func (h *logHandler) WithGroup(string) slog.Handler { return h }
