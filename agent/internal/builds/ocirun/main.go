//go:build linux

package ocirun

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/opencontainers/runc/libcontainer"
	"github.com/sirupsen/logrus"

	"github.com/caisson-dev/caisson/agent/internal/process"
)

// Main is the runtime's command line: --root DIR and a verb, like runc's. It returns the exit code.
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
	root, rest, err := parse(args)
	switch {
	case err != nil:
		return err
	case rest[0] == "create":
		return create(root, rest[1:])
	case rest[0] == "guard":
		return guard(rest[1])
	}
	return short(root, rest, os.Stdout, 0)
}

// endTimeout bounds the wait for the end of a step's process that was killed.
const endTimeout = 5 * time.Second

// parse returns the directory of the state, and the verb with its arguments, of which there is one at least.
func parse(args []string) (root string, rest []string, err error) {
	global := flag.NewFlagSet("runtime", flag.ContinueOnError)
	global.SetOutput(io.Discard)
	global.StringVar(&root, "root", "", "")
	if err := global.Parse(args); err != nil {
		return "", nil, err
	}
	if root == "" || global.NArg() < 2 {
		return "", nil, errors.New("build runtime: --root DIR and a verb with its arguments are required")
	}
	return root, global.Args(), nil
}

// short does a verb that may be done by any process. That of state waits for the step's end first, if it is given
// patience.
func short(root string, rest []string, out io.Writer, patience time.Duration) error {
	c, err := libcontainer.Load(root, rest[1])
	if err != nil {
		return err
	}
	switch rest[0] {
	case "start":
		return c.Exec()
	case "state":
		if err := awaitEnd(c, patience); err != nil {
			return err
		}
		st, err := c.OCIState()
		if err != nil {
			return err
		}
		return json.NewEncoder(out).Encode(st)
	case "kill":
		return process.Kill(c)
	case "delete":
		_ = process.End(c, endTimeout) // buildah takes a step for ended that is traced and stops; Destroy tells
		return c.Destroy()
	}
	return fmt.Errorf("build runtime: unknown verb %q", rest[0])
}
