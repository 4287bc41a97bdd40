package container

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/caisson-dev/caisson/internal/api"
)

// Cmd is a command to run in a running container. Its names are those of os/exec, with these differences: Run and Start take
// a context, and there are no pipes and no Process. A Cmd can be run once; make another for the next run.
type Cmd struct {
	// Args has the command and its arguments.
	Args []string
	// Env has variables as KEY=value, which are added to those of the container.
	Env []string
	// Dir is the working directory. Default: the container's.
	Dir string
	// User is written as for Options.User. Default: the container's.
	User string
	// Stdin is copied to the command. Default: /dev/null.
	Stdin io.Reader
	// Stdout and Stderr get what the command writes. Default: it is discarded.
	Stdout io.Writer
	Stderr io.Writer
	// TTY gives the command a terminal of Size. All its output comes to Stdout.
	TTY  bool
	Size Size
	// Privileged gives the command all capabilities that the engine has. The seccomp filter and the devices of the
	// container stay as they are.
	Privileged bool
	// Detach lets Start return and leave the command alone: it goes on when ctx and this process end, until it or the
	// container ends. The streams must be nil, and there is no Wait.
	Detach bool

	c *Container
	s *session
}

// Command returns a Cmd that runs name in the container. A name without a slash is searched for in the PATH of the
// container.
func (c *Container) Command(name string, args ...string) *Cmd {
	return &Cmd{Args: append([]string{name}, args...), c: c}
}

// Start starts the command and does not wait for its end. When ctx ends, the command is killed.
//
// Errors: ErrNotFound when the container is not there; ErrNotRunning when it does not run; ErrPaused when it is paused;
// ErrCommandNotFound and ErrNotExecutable for the command; ErrInvalidArgument when a field is not valid, the user is not
// in the container, or Detach is set with streams.
func (cmd *Cmd) Start(ctx context.Context) error {
	if cmd.s != nil {
		return errors.New("exec: the command was started before: make a new one")
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
			return api.Errorf(ErrInvalidArgument, "exec: Detach: a detached command has no streams: leave Stdin, Stdout and Stderr nil")
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
// Errors: *ExitError when the exit code is not 0; context.Canceled and context.DeadlineExceeded when the context of
// Start ends; those of the reader and the writers.
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

// Pid returns the id of the command's process on the host. It is 0 for a command that was not started, that is detached, or
// whose stream has broken.
func (cmd *Cmd) Pid() int {
	if cmd.s == nil {
		return 0
	}
	<-cmd.s.begun // the agent tells it first of all
	return cmd.s.pid
}

// Resize sets the size of the terminal of the command. After the end of the command it does nothing.
//
// Errors: an error that matches none of the package's when the command was not started.
func (cmd *Cmd) Resize(size Size) error {
	if cmd.s == nil {
		return errors.New("exec: not started")
	}
	return cmd.s.resize(size)
}

// Run starts the command and waits for its end.
//
// Errors: those of Start and of Wait.
func (cmd *Cmd) Run(ctx context.Context) error {
	if err := cmd.Start(ctx); err != nil {
		return err
	}
	return cmd.Wait()
}

// Output runs the command and returns what it wrote to standard output. If Stderr is nil, an *ExitError has the end of
// standard error.
//
// Errors: those of Run; an error that matches none of the package's when Stdout is set.
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

// CombinedOutput runs the command and returns what it wrote to standard output and standard error.
//
// Errors: those of Run; an error that matches none of the package's when Stdout or Stderr is set.
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
