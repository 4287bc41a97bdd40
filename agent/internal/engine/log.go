//go:build linux

package engine

import (
	"context"
	"fmt"
	"log/slog"
	"os"

	"github.com/caisson-dev/caisson/internal/api"
)

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
