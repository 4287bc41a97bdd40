package dockertest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/caisson-dev/caisson/container"
	"github.com/caisson-dev/caisson/dockertest/internal/wait"
)

// WaitExec waits until a command in the container exits with code 0.
func WaitExec(name string, args ...string) Wait {
	line := strings.Join(append([]string{name}, args...), " ")
	return Wait{what: "command " + line, hold: func(ctx context.Context, p *probe) error {
		return p.poll(ctx, func(ctx context.Context) error {
			out, err := p.Command(name, args...).CombinedOutput(ctx)
			if errors.Is(err, container.ErrCommandNotFound) || errors.Is(err, container.ErrNotExecutable) {
				return wait.Permanent{Err: err}
			}
			if err != nil && len(bytes.TrimSpace(out)) > 0 {
				err = fmt.Errorf("%w: %s", err, wait.Short(out))
			}
			return err
		})
	}}
}

// WaitHealthy waits until the health check, the image's or option Health's, finds the container healthy. One that is
// unhealthy is waited for too: its server may be slow.
func WaitHealthy() Wait {
	return Wait{what: "the health check", hold: func(ctx context.Context, p *probe) error {
		for {
			err := p.Fixture.WaitHealthy(ctx)
			switch {
			case err == nil:
				return nil
			case ctx.Err() != nil:
				return wait.Ended(ctx, p.health())
			case !errors.Is(err, container.ErrUnhealthy) && !p.over():
				return err
			}
			select {
			case <-p.exited:
				return wait.ErrExited
			case <-ctx.Done():
				return wait.Ended(ctx, p.health())
			case <-time.After(wait.LongestPause): // until the next check may have ended
			}
		}
	}}
}

// over says whether the container has ended, or is about to: then whatever error came is because of that.
func (p *probe) over() bool {
	ctx, cancel := p.own()
	defer cancel()
	info, err := p.Inspect(ctx)
	return err == nil && info.State.Status == container.StatusExited
}

// health is what the last check said.
func (p *probe) health() error {
	ctx, cancel := p.own()
	defer cancel()
	info, err := p.Inspect(ctx)
	if err != nil || info.Health == nil {
		return err
	}
	if n := len(info.Health.Log); n > 0 {
		last := info.Health.Log[n-1]
		return fmt.Errorf("%s: the last check's exit code was %d: %s", info.Health.Status, last.ExitCode, wait.Short([]byte(last.Output)))
	}
	return errors.New("no check has ended yet: set Health.Interval or Health.StartInterval to less than 30 s")
}

// WaitExit waits until the container's process has ended with one of the codes; without codes, with 0. It is for
// containers that do a thing and end: migrations, generators.
func WaitExit(codes ...int) Wait {
	if len(codes) == 0 {
		codes = []int{0}
	}
	return Wait{what: "its end with " + codesText(codes), hold: func(ctx context.Context, p *probe) error {
		select {
		case <-p.exited:
		case <-ctx.Done():
			return wait.Ended(ctx, nil)
		}
		for _, code := range codes {
			if p.status.ExitCode == code {
				return nil
			}
		}
		return wait.ErrExited
	}}
}

func codesText(codes []int) string {
	text := "code"
	for i, c := range codes {
		if i > 0 {
			text += " or"
		}
		text += fmt.Sprint(" ", c)
	}
	return text
}
