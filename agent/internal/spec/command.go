package spec

import (
	"errors"
	"math"
	"path"
	"strconv"
	"strings"

	"github.com/caisson-dev/caisson/container"
)

// validateCommand refuses what no process can be started with.
func validateCommand(o container.Options) error {
	if len(o.Entrypoint) > 0 && o.Entrypoint[0] == "" {
		return invalid("Options.Entrypoint[0] is empty: name a program, or use an empty list to run without the image's entrypoint")
	}
	for i, g := range o.Process.Groups {
		if g == "" || strings.ContainsAny(g, ":\n\x00") {
			return invalid("Options.Process.Groups[%d] %q: use the name or number of a group", i, g)
		}
	}
	return firstError(
		func() error { return validateArgs("Options.Entrypoint", o.Entrypoint) },
		func() error { return validateArgs("Options.Cmd", o.Cmd) },
		func() error { return validateEnv("Options.Env", o.Env) },
		func() error { return validateUser("Options.User", o.User) },
		func() error { return validateDir("Options.Dir", o.Dir) },
	)
}

func validateArgs(field string, args []string) error {
	for i, a := range args {
		if strings.Contains(a, "\x00") {
			return invalid("%s[%d] %q: it can't have a zero byte", field, i, a)
		}
		if len(a) > longestArg {
			return invalid("%s[%d] has %d bytes: the kernel allows at most %d: put the value into a file", field, i, len(a), longestArg)
		}
	}
	return nil
}

func validateEnv(field string, env []string) error {
	for _, e := range env {
		if k, _, _ := strings.Cut(e, "="); k == "" || strings.Contains(e, "\x00") {
			return invalid("%s %q: it must be KEY=value", field, e)
		}
		if len(e) > longestArg {
			k, _, _ := strings.Cut(e, "=")
			return invalid("%s %.100s has %d bytes with its name: the kernel allows at most %d for a variable: put the value into a file", field, k, len(e), longestArg)
		}
	}
	return nil
}

// longestArg is how long an argument or a variable may be, in bytes: MAX_ARG_STRLEN of execve(2), 128 KiB, less the zero
// byte at its end.
const longestArg = 128<<10 - 1

// CheckSize refuses a command and variables that are together more than the kernel takes for a process: a quarter of its
// limit of the stack, but at least 128 KiB and at most 6 MiB, with eight bytes for each text: see execve(2). stack is this
// process's own limit, which a container has too if its options name none.
func CheckSize(c *Container, stack uint64) error {
	for _, u := range c.Options.Resources.Ulimits {
		if u.Name == "stack" {
			stack = rlimit(u.Soft)
		}
	}
	most := max(min(stack/4, 6<<20), 128<<10)
	args, env := size(c.Command), size(c.environment("", c.Options.TTY))
	if args+env > most {
		return invalid("Options.Cmd and Env have %d and %d bytes: the kernel allows at most %d together, a quarter of the limit of the stack: put large values into files, or raise the limit stack in Resources.Ulimits", args, env, most)
	}
	return nil
}

// size is what the kernel needs for the texts, their zero bytes and the pointers to them.
func size(texts []string) (n uint64) {
	for _, t := range texts {
		n += uint64(len(t)) + 1 + 8
	}
	return n
}

func validateDir(field, dir string) error {
	if dir != "" && !path.IsAbs(dir) || strings.Contains(dir, "\x00") {
		return invalid("%s %q: it must be absolute", field, dir)
	}
	return nil
}

// validateUser looks at the form alone: the names are the image's.
func validateUser(field, who string) error {
	user, group, _ := strings.Cut(who, ":")
	if strings.ContainsAny(user+group, ":\n\x00") {
		return invalid("%s %q: use a name, a number, name:group or uid:gid", field, who)
	}
	for _, id := range []string{user, group} {
		n, err := strconv.ParseInt(id, 10, 64)
		if (err == nil || errors.Is(err, strconv.ErrRange)) && (n < 0 || n > math.MaxInt32) {
			return invalid("%s %q: an id must be between 0 and %d", field, who, math.MaxInt32)
		}
	}
	return nil
}
