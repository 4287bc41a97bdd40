package container

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/caisson-dev/caisson/internal/api"
)

// Cmd is a command to run in a running container, with the vocabulary of os/exec. A Cmd runs once.
type Cmd struct {
	// Args holds the command and its arguments.
	Args []string
	// Env as KEY=value, added to the container's.
	Env []string
	// Dir is the working directory. Default: the container's.
	Dir string
	// User as for Options.User. Default: the container's.
	User string
	// Stdin is copied to the command. Nil is /dev/null.
	Stdin io.Reader
	// Stdout and Stderr get what the command writes. Nil discards.
	Stdout io.Writer
	Stderr io.Writer
	// TTY gives the command a terminal of Size: all its output comes to Stdout.
	TTY  bool
	Size Size
	// Privileged gives the command all capabilities that the engine has; the container's seccomp filter and its devices
	// stay as they are.
	Privileged bool
	// Detach lets Start leave the command: it goes on when ctx and this process end, until it or the container ends. The
	// streams must be nil; there is no Wait.
	Detach bool

	c *Container
	s *session
}

// Command returns a Cmd that runs name in the container. A name without a slash is searched in the container's PATH.
func (c *Container) Command(name string, args ...string) *Cmd {
	return &Cmd{Args: append([]string{name}, args...), c: c}
}

// Start starts the command. Cancelling ctx kills it.
//
// Errors: ErrNotRunning, ErrNotFound, ErrPaused, ErrCommandNotFound, ErrNotExecutable, ErrInvalidArgument (user,
// Detach with streams).
func (cmd *Cmd) Start(ctx context.Context) error {
	if cmd.s != nil {
		return errors.New("exec: the command was started before: make another one")
	}
	if len(cmd.Args) == 0 || cmd.Args[0] == "" {
		return api.Errorf(ErrInvalidArgument, "exec: Args is empty: give a command")
	}
	req := api.ExecRequest{
		Args: cmd.Args, Env: cmd.Env, Dir: cmd.Dir, User: cmd.User, Stdin: cmd.Stdin != nil, TTY: cmd.TTY, Size: api.Size(cmd.Size),
		Privileged: cmd.Privileged, Detach: cmd.Detach,
	}
	if cmd.Detach {
		if cmd.Stdin != nil || cmd.Stdout != nil || cmd.Stderr != nil {
			return api.Errorf(ErrInvalidArgument, "exec: Detach: nobody reads or writes the streams: leave Stdin, Stdout and Stderr nil")
		}
		return cmd.c.c.Do(ctx, api.ContainerExec.Of(cmd.c.id), req, nil)
	}
	conn, err := cmd.c.c.Upgrade(ctx, api.ContainerExec.Of(cmd.c.id), req)
	if err != nil {
		return err
	}
	cmd.s = newSession(ctx, cmd.c.c, conn, nil, cmd.Stdin, cmd.Stdout, cmd.Stderr)
	return nil
}

// Wait waits until the command has ended and all its output is written.
//
// Errors: *ExitError when the code is not 0; context.Canceled and context.DeadlineExceeded; those of the writers.
func (cmd *Cmd) Wait() error {
	if cmd.s == nil {
		return errors.New("exec: not started, or detached")
	}
	st, err := cmd.s.wait()
	if err != nil {
		return err
	}
	if st.ExitCode != 0 {
		return &ExitError{State: st}
	}
	return nil
}

// Resize sets the size of the command's terminal.
func (cmd *Cmd) Resize(size Size) error {
	if cmd.s == nil {
		return errors.New("exec: not started")
	}
	return cmd.s.resize(size)
}

// Run is Start and Wait.
func (cmd *Cmd) Run(ctx context.Context) error {
	if err := cmd.Start(ctx); err != nil {
		return err
	}
	return cmd.Wait()
}

// Output runs the command and returns what it wrote to standard output. If Stderr is nil, an ExitError holds the end
// of standard error.
func (cmd *Cmd) Output(ctx context.Context) ([]byte, error) {
	if cmd.Stdout != nil {
		return nil, fmt.Errorf("exec: Stdout already set")
	}
	var out bytes.Buffer
	cmd.Stdout = &out
	tail := &tailWriter{}
	if cmd.Stderr == nil {
		cmd.Stderr = tail
	}
	err := cmd.Run(ctx)
	var ee *ExitError
	if errors.As(err, &ee) {
		ee.Stderr = tail.b
	}
	return out.Bytes(), err
}

// CombinedOutput runs the command and returns what it wrote to both streams.
func (cmd *Cmd) CombinedOutput(ctx context.Context) ([]byte, error) {
	if cmd.Stdout != nil || cmd.Stderr != nil {
		return nil, fmt.Errorf("exec: Stdout or Stderr already set")
	}
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	err := cmd.Run(ctx)
	return out.Bytes(), err
}

// tailWriter keeps the last 32 KiB.
type tailWriter struct{ b []byte }

func (t *tailWriter) Write(p []byte) (int, error) {
	const most = 32 << 10
	t.b = append(t.b, p...)
	if len(t.b) > 2*most {
		t.b = append(t.b[:0], t.b[len(t.b)-most:]...)
	}
	return len(p), nil
}
