package dockertest

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/caisson-dev/caisson/container"
	"github.com/caisson-dev/caisson/dockertest/internal/report"
	"github.com/caisson-dev/caisson/dockertest/internal/wait"
)

// ReadyError says why a container did not become ready.
type ReadyError struct {
	// Waiting is what was waited for.
	Waiting string
	// State says how the container ended; nil when it still runs.
	State *container.State
	// Log has the last lines that it wrote.
	Log []string
	// Hint names an option that may be missing; empty when none seems to be.
	Hint string
	// Reproduce is a command that runs a similar container by hand. A comment behind it says what that container lacks.
	Reproduce string
	// Err is why the wait ended. It matches context.DeadlineExceeded after a time-out.
	Err error
}

func (e *ReadyError) Unwrap() error { return e.Err }

func (e *ReadyError) Error() string {
	var b strings.Builder
	if e.State != nil {
		fmt.Fprintf(&b, "the container %s while the test waited for %s", report.HowEnded(*e.State), e.Waiting)
	} else {
		fmt.Fprintf(&b, "not ready: %v", e.Err)
	}
	if len(e.Log) == 0 {
		b.WriteString("\n  it has written nothing")
	} else {
		fmt.Fprintf(&b, "\n  the end of its log:\n    %s", strings.Join(e.Log, "\n    "))
	}
	if e.Hint != "" {
		b.WriteString("\n  hint: " + e.Hint)
	}
	b.WriteString("\n  reproduce: " + e.Reproduce)
	return b.String()
}

// waitFor waits, and watches for the container's end meanwhile.
func (f *Fixture) waitFor(ctx context.Context, w Wait) error {
	if w.hold == nil {
		return nil
	}
	watch, stop := context.WithCancel(ctx)
	defer stop()
	exited := make(chan struct{})
	p := &probe{Fixture: f, exited: exited, status: &container.State{}}
	restarts := f.settings.opts.Lifecycle.Restart.Mode
	if restarts == "" || restarts == container.RestartNo {
		go func() {
			if st, err := f.Container.Wait(watch); err == nil {
				*p.status = st
				close(exited)
			}
		}()
	}
	err := w.do(ctx, p)
	if err == nil {
		return nil
	}
	f.told.Store(true)
	re := &ReadyError{Waiting: w.what, Log: f.tail(), Reproduce: f.reproduce(), Err: err}
	re.Hint = report.Hint(f.settings.opts, re.Log)
	if errors.Is(err, wait.ErrExited) {
		re.State = p.status
	}
	return re
}

// tailLines is how much of a log a message has.
const tailLines = 20

// tail returns the end of the log.
func (f *Fixture) tail() []string {
	ctx, cancel := f.own()
	defer cancel()
	var lines []string
	for e, err := range f.LogEntries(ctx, container.LogsOptions{Tail: tailLines}) {
		if err != nil {
			return append(lines, "(the log can't be read: "+err.Error()+")")
		}
		lines = append(lines, strings.ToValidUTF8(e.Line, "\uFFFD"))
	}
	return lines
}
