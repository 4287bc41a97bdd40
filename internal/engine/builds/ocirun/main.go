//go:build linux

package ocirun

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"

	"github.com/opencontainers/runc/libcontainer"
	"github.com/sirupsen/logrus"
	"golang.org/x/sys/unix"
)

// Main is the runtime's command line: --root DIR and a verb, as runc's. It returns the exit code.
func Main(args []string) int {
	// What libcontainer warns of, a cgroup that is not there, would look like a step's output.
	logrus.SetLevel(logrus.ErrorLevel)
	if err := run(args); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

func run(args []string) error {
	global := flag.NewFlagSet("runtime", flag.ContinueOnError)
	global.SetOutput(io.Discard)
	root := global.String("root", "", "")
	if err := global.Parse(args); err != nil {
		return err
	}
	verb, rest := global.Arg(0), args[min(len(args), len(args)-global.NArg()+1):]
	switch {
	case *root == "" || len(rest) == 0:
		return errors.New("build runtime: --root DIR and a verb with its arguments are wanted")
	case verb == "create":
		return create(*root, rest)
	case verb == "guard":
		return guard(rest[0])
	}
	c, err := libcontainer.Load(*root, rest[0])
	if err != nil {
		return err
	}
	switch verb {
	case "start":
		return c.Exec()
	case "state":
		st, err := c.OCIState()
		if err != nil {
			return err
		}
		return json.NewEncoder(os.Stdout).Encode(st)
	case "kill":
		return c.Signal(unix.SIGKILL)
	case "delete":
		return c.Destroy()
	}
	return fmt.Errorf("build runtime: unknown verb %q", verb)
}
