package dockertest

import (
	"os"
	"strconv"
	"strings"

	"github.com/caisson-dev/caisson/container"
)

// cli is the program that has Docker's commands on the same store.
const cli = "go run github.com/caisson-dev/caisson/examples/cli@latest"

// reproduce is a shell line that runs the same container.
func (f *Fixture) reproduce() string {
	o := f.settings.opts
	args := []string{"run", "--rm"}
	for _, e := range o.Env {
		args = append(args, "-e", masked(e))
	}
	for _, m := range o.Mounts {
		if m.Source != "" {
			args = append(args, "-v", m.Source+":"+m.Target)
		}
	}
	for _, p := range o.Networking.HostPorts {
		args = append(args, "--host-port", strconv.Itoa(int(p)))
	}
	if o.Networking.AllHostPorts {
		args = append(args, "--host-port", "all")
	}
	if o.User != "" {
		args = append(args, "-u", o.User)
	}
	if o.Dir != "" {
		args = append(args, "-w", o.Dir)
	}
	cmd := o.Cmd
	if len(o.Entrypoint) > 0 {
		args = append(args, "--entrypoint", o.Entrypoint[0])
		cmd = append(o.Entrypoint[1:len(o.Entrypoint):len(o.Entrypoint)], cmd...)
	}
	return f.cliLine(append(append(args, f.settings.image), cmd...)...)
}

// cliLine quotes a command of the cli for a shell, with the store that is not the default.
func (f *Fixture) cliLine(args ...string) string {
	line := cli
	if root := os.Getenv(EnvRoot); root != "" {
		line = EnvRoot + "=" + quoted(root) + " " + line
	}
	for _, a := range args {
		line += " " + quoted(a)
	}
	return line
}

// masked hides the value of a variable whose name says that it is a secret: logs of tests are read by many.
func masked(variable string) string {
	key, _, ok := strings.Cut(variable, "=")
	for _, word := range []string{"PASS", "SECRET", "TOKEN", "KEY", "CREDENTIAL"} {
		if ok && strings.Contains(strings.ToUpper(key), word) {
			return key + "=…"
		}
	}
	return variable
}

// maskedInfo is a description without secrets.
func maskedInfo(info container.Info) container.Info {
	env := make([]string, len(info.Options.Env))
	for i, e := range info.Options.Env {
		env[i] = masked(e)
	}
	info.Options.Env = env
	return info
}

// quoted is for a POSIX shell.
func quoted(s string) string {
	if s != "" && !strings.ContainsFunc(s, func(r rune) bool {
		return !('a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || strings.ContainsRune("-_=+./:,@%…", r))
	}) {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}
