package main

import (
	"context"
	"errors"
	"io/fs"

	"github.com/spf13/pflag"

	"github.com/caisson-dev/caisson/container"
)

var execCommand = command{
	name: "exec", args: "CONTAINER COMMAND [ARG...]", short: "Run a command in a running container", min: 2, max: -1,
	example: "exec -it web sh\nexec -u nobody -e A=b web env",
	setup: func(flags *pflag.FlagSet) action {
		interactive := flags.BoolP("interactive", "i", false, "connect standard input")
		tty := flags.BoolP("tty", "t", false, "give the command a terminal")
		detach := flags.BoolP("detach", "d", false, "leave the command running")
		env := flags.StringArrayP("env", "e", nil, "environment variable NAME=VALUE, or NAME to take the value from this environment (may be repeated)")
		envFiles := flags.StringArray("env-file", nil, "file of environment variables, one on each line (may be repeated)")
		dir := flags.StringP("workdir", "w", "", "working directory (default: the container's)")
		user := flags.StringP("user", "u", "", "user: NAME|UID[:GROUP|GID] (default: the container's)")
		privileged := flags.Bool("privileged", false, "all capabilities")
		return func(ctx context.Context, c *cli, args []string) error {
			vars, err := variables(*envFiles, *env)
			if errors.Is(err, fs.ErrNotExist) {
				return err
			}
			if err != nil {
				return usage("exec", err)
			}
			if err := c.checkTTY(*interactive && !*detach, *tty); err != nil {
				return err
			}
			ctr, err := c.container(ctx, args[0])
			if err != nil {
				return err
			}
			cmd := ctr.Command(args[1], args[2:]...)
			cmd.Env, cmd.Dir, cmd.User, cmd.Privileged = vars, *dir, *user, *privileged
			cmd.TTY, cmd.Size = *tty, c.size()
			if *detach {
				cmd.Detach = true
				return runError(cmd.Start(ctx), 1)
			}
			cmd.Stdout, cmd.Stderr = c.out, c.err
			if *interactive {
				cmd.Stdin = c.in
			}
			err = c.exec(ctx, cmd)
			var ee *container.ExitError
			if errors.As(err, &ee) {
				return ended(ee.ExitCode)
			}
			if errors.Is(err, container.ErrInvalidArgument) { // a user that the container has not
				return runError(err, codeNotExecutable)
			}
			return runError(err, 1)
		}
	},
}

// exec runs the command; with a terminal, this one is raw meanwhile and gives its size.
func (c *cli) exec(ctx context.Context, cmd *container.Cmd) error {
	restore, err := c.raw(cmd.Stdin != nil, cmd.TTY)
	if err != nil {
		return err
	}
	defer restore()
	if err := cmd.Start(ctx); err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	if cmd.TTY {
		c.followSize(ctx, cmd.Resize)
	}
	return cmd.Wait()
}
