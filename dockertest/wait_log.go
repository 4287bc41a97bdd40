package dockertest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"regexp"

	"github.com/caisson-dev/caisson/container"
	"github.com/caisson-dev/caisson/dockertest/internal/wait"
)

// WaitLog waits for a line of the log, of standard output or standard error, that contains text; Times waits for the
// n-th such line. Only what was written since the container's last start counts.
func WaitLog(text string) Wait {
	w := waitLog(fmt.Sprintf("log line with %q", text), func(line []byte, _ bool) bool { return bytes.Contains(line, []byte(text)) })
	if text == "" {
		w.err = errors.New("the text is empty")
	}
	return w
}

// WaitLogMatch is WaitLog with a regular expression (package regexp). It sees a line without its line feed and a carriage
// return before that, so that $ is the line's end. An unfinished line is matched already if more text can't change the
// result. An expression that ends in $ waits for the line feed.
func WaitLogMatch(expr string) Wait {
	re, err := regexp.Compile(expr)
	w := waitLog(fmt.Sprintf("log line that matches %q", expr), func(line []byte, finished bool) bool { return wait.Matches(re, line, finished) })
	w.err = err
	return w
}

// waitLog follows the log, which ends with the container's process: a line that comes just before counts too.
func waitLog(what string, match func(line []byte, finished bool) bool) Wait {
	return Wait{what: what, hold: func(ctx context.Context, p *probe) error {
		lines := &wait.Lines{Match: match, Want: max(p.wait.times, 1)}
		out, errs := lines.Stream(), lines.Stream()
		err := p.Logs(ctx, container.LogsOptions{Follow: true, Since: p.begun(), Stdout: out, Stderr: errs})
		if err == nil && (out.Finish() || errs.Finish()) {
			return nil
		}
		switch {
		case errors.Is(err, wait.ErrFound):
			return nil
		case ctx.Err() != nil:
			return wait.Ended(ctx, lines.Seen())
		case err != nil:
			return err
		}
		select {
		case <-p.exited:
			return wait.ErrExited
		case <-ctx.Done():
			return wait.Ended(ctx, lines.Seen())
		}
	}}
}
