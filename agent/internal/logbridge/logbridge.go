// Package logbridge takes the global logrus of the upstream modules into the agent's slog.Logger, so that nothing is
// written where an embedder does not want it.
package logbridge

import (
	"context"
	"io"
	"log/slog"

	"github.com/sirupsen/logrus"
)

// Redirect makes all logrus records go to l, from info on, or from debug on.
func Redirect(l *slog.Logger, debug bool) {
	logrus.SetOutput(io.Discard)
	logrus.SetLevel(logrus.InfoLevel)
	if debug {
		logrus.SetLevel(logrus.DebugLevel)
	}
	logrus.StandardLogger().ReplaceHooks(logrus.LevelHooks{})
	logrus.AddHook(hook{l})
}

type hook struct{ l *slog.Logger }

func (hook) Levels() []logrus.Level { return logrus.AllLevels }

func (h hook) Fire(e *logrus.Entry) error {
	attrs := make([]slog.Attr, 0, len(e.Data))
	for k, v := range e.Data {
		attrs = append(attrs, slog.Any(k, v))
	}
	h.l.LogAttrs(context.Background(), level(e.Level), e.Message, attrs...)
	return nil
}

func level(l logrus.Level) slog.Level {
	switch {
	case l <= logrus.ErrorLevel:
		return slog.LevelError
	case l == logrus.WarnLevel:
		return slog.LevelWarn
	case l == logrus.InfoLevel:
		return slog.LevelInfo
	}
	return slog.LevelDebug
}
