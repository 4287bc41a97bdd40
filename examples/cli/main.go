// Command cli is the Docker commands one by one on the library: flags, output and exit codes are Docker's. Each verb is
// a file of its own, so that whoever looks for how the library does a thing finds it under the name they know.
//
//	go run ./examples/cli build -t app .
//	go run ./examples/cli run --rm app
//
// The store is the user's default, or the one that --root or CAISSON_ROOT names.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/pflag"
)

func main() {
	os.Exit(run(context.Background(), os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}

func defaultRoot() string { return os.Getenv("CAISSON_ROOT") }

// program is the name by which this one was started, for usage lines. Tests have the project's.
var program = programName(os.Args[0])

func programName(arg0 string) string {
	name := strings.TrimSuffix(filepath.Base(arg0), ".exe")
	if name == "" || name == "." || strings.HasSuffix(name, ".test") {
		return "caisson"
	}
	return name
}

// action does a command's work, with the arguments that are not flags.
type action func(ctx context.Context, c *cli, args []string) error

// command is a verb.
type command struct {
	name     string // one word, or two, such as "image prune"
	args     string // for the usage line
	short    string
	example  string // what comes behind the name of this program, a command on each line
	min, max int    // how many arguments; max below 0: any number
	// setup defines the flags and returns the action that reads them.
	setup func(flags *pflag.FlagSet) action
}

// run is main without the process: tests call it, too.
func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	c := &cli{in: stdin, out: stdout, err: stderr, ctx: ctx}
	err := c.main(ctx, args)
	if cerr := c.close(); err == nil {
		err = cerr
	}
	return c.code(err)
}

// code tells an error and returns the exit code.
func (c *cli) code(err error) int {
	if err == nil {
		return 0
	}
	s := &status{code: 1, err: err}
	errors.As(err, &s)
	if s.err != nil {
		fmt.Fprintf(c.err, "caisson: %s\n", speak(s.err.Error()))
	}
	return s.code
}

func (c *cli) main(ctx context.Context, args []string) error {
	root := newRoot(c)
	root.SetArgs(args)
	return root.ExecuteContext(ctx)
}

// do runs a command. A signal ends it, unless it forwards signals to a container.
func (c *cli) do(ctx context.Context, act action, args []string) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	c.signals, c.ctx = catchSignals(cancel), ctx
	defer c.signals.stop()
	err := act(ctx, c, args)
	var s *signalError
	if err != nil && errors.As(context.Cause(ctx), &s) {
		return &status{code: s.code()} // who pressed Ctrl-C knows why
	}
	return err
}
