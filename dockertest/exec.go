package dockertest

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/caisson-dev/caisson/container"
)

// Exec runs a command in the container and returns what it wrote to standard output, without the last line feed. The end
// of ctx kills it. Command is for all else.
//
// Errors: those of container.Cmd.Run; a command that exits with another code than 0 is a *container.ExitError, and the
// message has what it wrote.
func (f *Fixture) Exec(ctx context.Context, name string, args ...string) (string, error) {
	out, err := f.Command(name, args...).Output(ctx)
	var ee *container.ExitError
	switch {
	case err == nil:
		return strings.TrimSuffix(string(out), "\n"), nil
	case errors.As(err, &ee):
		if wrote := strings.TrimSpace(string(out) + string(ee.Stderr)); wrote != "" {
			err = fmt.Errorf("%w\n%s", err, wrote)
		}
		name = strings.Join(append([]string{name}, args...), " ")
	}
	return "", fmt.Errorf("%s: %w", name, err)
}

// Output returns what the container has written so far to standard output and standard error, in the order in which it came.
//
// Errors: those of container.Container.Logs.
func (f *Fixture) Output(ctx context.Context) (string, error) {
	var b strings.Builder
	if err := f.Logs(ctx, container.LogsOptions{Stdout: &b, Stderr: &b}); err != nil {
		return "", fmt.Errorf("read the log: %w", err)
	}
	return b.String(), nil
}
