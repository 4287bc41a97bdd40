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
	"strings"

	"github.com/spf13/pflag"
)

func main() {
	os.Exit(run(context.Background(), os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}

// action does a command's work, with the arguments that are not flags.
type action func(ctx context.Context, c *cli, args []string) error

// command is a verb.
type command struct {
	name     string // one word, or two as in "image prune"
	args     string // for the usage line
	short    string
	min, max int // how many arguments; max below 0: any number
	// setup defines the flags and returns the action that reads them.
	setup func(flags *pflag.FlagSet) action
}

var commands = []command{
	buildCommand, imagesCommand, tagCommand, pushCommand, pullCommand, rmiCommand, imagePruneCommand,
	createCommand, runCommand, startCommand, attachCommand, execCommand, logsCommand, psCommand, stopCommand,
	killCommand, waitCommand, rmCommand, containerPruneCommand, inspectCommand,
	pauseCommand, unpauseCommand, restartCommand, renameCommand, portCommand,
	cpCommand, statsCommand, topCommand, diffCommand, commitCommand, exportCommand, updateCommand, eventsCommand,
	volumeCreateCommand, volumeLsCommand, volumeInspectCommand, volumeRmCommand, volumePruneCommand,
	networkCreateCommand, networkLsCommand, networkRmCommand, networkInspectCommand, networkConnectCommand,
	networkDisconnectCommand, networkPruneCommand,
	loginCommand, logoutCommand, searchTagsCommand, serveCommand,
	importCommand, imageLsCommand, systemDfCommand, manifestPushCommand, manifestInspectCommand,
	saveCommand, loadCommand, historyCommand,
}

// run is main without the process: tests call it, too.
func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	c := &cli{in: stdin, out: stdout, err: stderr}
	err := c.main(ctx, args)
	if cerr := c.close(); err == nil {
		err = cerr
	}
	if err == nil {
		return 0
	}
	s := &status{code: 1, err: err}
	errors.As(err, &s)
	if s.err != nil {
		fmt.Fprintf(stderr, "caisson: %v\n", s.err)
	}
	return s.code
}

func (c *cli) main(ctx context.Context, args []string) error {
	global := pflag.NewFlagSet("caisson", pflag.ContinueOnError)
	global.SetInterspersed(false)
	global.Usage = func() {}
	global.StringVar(&c.root, "root", os.Getenv("CAISSON_ROOT"), "the store's directory (environment: CAISSON_ROOT)")
	if err := global.Parse(args); errors.Is(err, pflag.ErrHelp) {
		overview(c.out, global)
		return nil
	} else if err != nil {
		return usage("", err)
	}
	args = global.Args()
	if len(args) == 0 || args[0] == "help" {
		overview(c.out, global)
		return nil
	}
	cmd, args := find(args)
	if cmd == nil {
		return fmt.Errorf("unknown command: %s\n\nRun 'caisson --help' for the commands", args[0])
	}
	return c.do(ctx, cmd, args)
}

// do parses a command's flags and runs it. A signal ends it, unless it forwards signals to a container.
func (c *cli) do(ctx context.Context, cmd *command, args []string) error {
	flags := pflag.NewFlagSet(cmd.name, pflag.ContinueOnError)
	flags.SetInterspersed(!strings.Contains(cmd.args, "ARG...")) // what follows an image or a container is its own
	flags.SortFlags = true
	flags.Usage = func() {}
	act := cmd.setup(flags)
	if err := flags.Parse(args); errors.Is(err, pflag.ErrHelp) {
		help(c.out, cmd, flags)
		return nil
	} else if err != nil {
		return usage(cmd.name, err)
	}
	if n := flags.NArg(); n < cmd.min || cmd.max >= 0 && n > cmd.max {
		return &status{1, fmt.Errorf("'caisson %s' takes %s\n\nUsage: caisson %s [OPTIONS] %s", cmd.name, count(cmd), cmd.name, cmd.args)}
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	c.signals = catchSignals(cancel)
	defer c.signals.stop()
	err := act(ctx, c, flags.Args())
	var s *signalError
	if err != nil && errors.As(context.Cause(ctx), &s) {
		return &status{code: s.code()} // who pressed Ctrl-C knows why
	}
	return err
}

func find(args []string) (*command, []string) {
	for i := range commands {
		words := strings.Fields(commands[i].name)
		if len(args) >= len(words) && strings.Join(args[:len(words)], " ") == commands[i].name {
			return &commands[i], args[len(words):]
		}
	}
	return nil, args
}

func count(cmd *command) string {
	switch {
	case cmd.max == 0:
		return "no arguments"
	case cmd.max < 0 && cmd.min == 1:
		return "at least 1 argument"
	case cmd.max < 0:
		return fmt.Sprintf("at least %d arguments", cmd.min)
	case cmd.max == 1:
		return "1 argument"
	}
	if cmd.min < cmd.max {
		return fmt.Sprintf("%d to %d arguments", cmd.min, cmd.max)
	}
	return fmt.Sprintf("%d arguments", cmd.max)
}

func overview(w io.Writer, global *pflag.FlagSet) {
	fmt.Fprintf(w, "Usage: caisson [--root DIR] COMMAND [OPTIONS]\n\nCommands:\n")
	for _, cmd := range commands {
		fmt.Fprintf(w, "  %-16s %s\n", cmd.name, cmd.short)
	}
	fmt.Fprintf(w, "\nOptions:\n%s\nRun 'caisson COMMAND --help' for a command's options.\n", global.FlagUsages())
}

func help(w io.Writer, cmd *command, flags *pflag.FlagSet) {
	fmt.Fprintf(w, "Usage: caisson %s [OPTIONS] %s\n\n%s\n", cmd.name, cmd.args, cmd.short)
	if flags.HasFlags() {
		fmt.Fprintf(w, "\nOptions:\n%s", flags.FlagUsages())
	}
}
