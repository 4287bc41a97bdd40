package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/term"

	"github.com/caisson-dev/caisson/container"
	"github.com/caisson-dev/caisson/image"
)

// cli is one invocation.
type cli struct {
	in       io.Reader
	out, err io.Writer
	root     string
	signals  *signals
	ctx      context.Context // of the command: a signal also ends the download or the build of the agent
	opened   *image.Store
}

// store opens the store, once.
func (c *cli) store() (*image.Store, error) {
	if c.opened != nil {
		return c.opened, nil
	}
	store, err := image.OpenStoreContext(c.ctx, image.StoreOptions{Root: c.root})
	if err != nil {
		return nil, err
	}
	c.opened = store
	return store, nil
}

func (c *cli) engine() (*container.Engine, error) {
	store, err := c.store()
	if err != nil {
		return nil, err
	}
	return container.NewEngine(store, container.EngineOptions{})
}

// container finds a container by name or id.
func (c *cli) container(ctx context.Context, ref string) (*container.Container, error) {
	engine, err := c.engine()
	if err != nil {
		return nil, err
	}
	return engine.Get(ctx, strings.TrimPrefix(ref, "/")) // as inspect writes a name
}

func (c *cli) close() error {
	if c.opened == nil {
		return nil
	}
	return c.opened.Close()
}

// each does one thing to every argument and prints what do returns. As Docker, it goes on after an error and ends
// with code 1.
func (c *cli) each(args []string, do func(arg string) (string, error)) error {
	failed := false
	for _, arg := range args {
		line, err := do(arg)
		switch {
		case errors.Is(err, context.Canceled):
			return err
		case err != nil:
			text := speak(err.Error())
			if !strings.Contains(text, arg) { // one of several
				text = arg + ": " + text
			}
			fmt.Fprintf(c.err, "caisson: %s\n", text)
			failed = true
		case line != "":
			fmt.Fprintln(c.out, line)
		}
	}
	if failed {
		return &status{code: 1}
	}
	return nil
}

// absent makes an error that says that there is nothing to remove no error, but tells it, as rm -f and rmi -f do.
func (c *cli) absent(force bool, line string, err error) (string, error) {
	if force && errors.Is(err, container.ErrNotFound) {
		fmt.Fprintf(c.err, "caisson: %v\n", err)
		return "", nil
	}
	return line, err
}

// eachContainer is each, for containers by name or id; it prints the arguments.
func (c *cli) eachContainer(ctx context.Context, args []string, do func(ctr *container.Container) error) error {
	return c.each(args, func(arg string) (string, error) {
		ctr, err := c.container(ctx, arg)
		if err != nil {
			return "", err
		}
		return arg, do(ctr)
	})
}

// terminal says whether a stream is one.
func terminal(stream any) bool {
	f, ok := stream.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// status is the exit code of an error. Without an err there is nothing to print.
type status struct {
	code int
	err  error
}

func (s *status) Error() string {
	if s.err == nil {
		return fmt.Sprintf("exit status %d", s.code)
	}
	return s.err.Error()
}

func (s *status) Unwrap() error { return s.err }

// The codes that docker run has for what is not the container's own.
const (
	codeEngine        = 125
	codeNotExecutable = 126
	codeNotFound      = 127
)

// usage is what is wrong with a command's flags or their values.
func usage(command string, err error) error {
	if command != "" {
		command += " "
	}
	return &status{codeEngine, fmt.Errorf("%w\n\nRun '%s %s--help' for its options", err, program, command)}
}

// runError gives an error of create, start and exec Docker's exit code; other is that of all the rest.
func runError(err error, other int) error {
	var known *status
	switch {
	case err == nil || errors.As(err, &known):
		return err
	case errors.Is(err, container.ErrCommandNotFound):
		return &status{codeNotFound, err}
	case errors.Is(err, container.ErrNotExecutable):
		return &status{codeNotExecutable, err}
	}
	return &status{other, err}
}

// ended is the error that makes the command end with a container's or a command's code.
func ended(code int) error {
	if code == 0 {
		return nil
	}
	return &status{code: code}
}
