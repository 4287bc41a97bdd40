package dockertest

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/caisson-dev/caisson/container"
	"github.com/caisson-dev/caisson/internal/cliline"
)

// reproduce is a shell line that runs a container like this one.
func (f *Fixture) reproduce() string {
	line := f.cliLine(f.settings.runArgs()...)
	if left := f.settings.notReproduced(); len(left) > 0 {
		line += " # without " + strings.Join(left, ", ")
	}
	return line
}

// runArgs are the arguments of the cli's run.
func (s *settings) runArgs() []string {
	o := s.opts
	args := []string{"run", "--rm"}
	add := func(flag, value string) {
		if value != "" {
			args = append(args, flag, value)
		}
	}
	for _, e := range o.Env {
		add("-e", cliline.Masked(e))
	}
	for _, m := range o.Mounts {
		switch {
		case m.Type == container.MountTmpfs:
			add("--tmpfs", m.Target)
		case m.Source != "":
			add("-v", volumeFlag(m))
		}
	}
	for _, f := range s.files {
		if f.host != "" {
			add("-v", f.host+":"+f.target)
		}
	}
	for _, p := range o.Ports {
		add("-p", publish(p))
	}
	for _, p := range o.Networking.HostPorts {
		add("--host-port", strconv.Itoa(int(p)))
	}
	if o.Networking.AllHostPorts {
		add("--host-port", "all")
	}
	if o.Network == container.NetworkNone || o.Network == container.NetworkHost {
		add("--network", string(o.Network))
	}
	if o.Resources.Memory > 0 {
		add("-m", strconv.FormatInt(o.Resources.Memory, 10))
	}
	if o.Resources.CPUs > 0 {
		add("--cpus", strconv.FormatFloat(o.Resources.CPUs, 'g', -1, 64))
	}
	if o.Resources.PIDs > 0 {
		add("--pids-limit", strconv.FormatInt(o.Resources.PIDs, 10))
	}
	if o.ReadOnly {
		args = append(args, "--read-only")
	}
	if o.Process.Init {
		args = append(args, "--init")
	}
	add("--platform", s.platform)
	add("-u", o.User)
	add("-w", o.Dir)
	cmd := o.Cmd
	if len(o.Entrypoint) > 0 {
		add("--entrypoint", o.Entrypoint[0])
		cmd = append(o.Entrypoint[1:len(o.Entrypoint):len(o.Entrypoint)], cmd...)
	}
	return append(append(args, s.image), cmd...)
}

// volumeFlag is a mount of a source for run -v.
func volumeFlag(m container.Mount) string {
	source := m.Source
	if m.Type == "" || m.Type == container.MountBind {
		if abs, err := filepath.Abs(source); err == nil {
			source = abs
		}
	}
	if m.ReadOnly {
		return source + ":" + m.Target + ":ro"
	}
	return source + ":" + m.Target
}

// publish is a port for run -p. A port that the engine chooses stays one that is chosen.
func publish(p container.Port) string {
	text := strconv.Itoa(int(p.Container))
	if p.Host != 0 {
		text = strconv.Itoa(int(p.Host)) + ":" + text
	}
	if p.Protocol != "" && p.Protocol != "tcp" {
		text += "/" + p.Protocol
	}
	return text
}

// notReproduced names what a command can't have: what is in the test's memory, and networks that end with it.
func (s *settings) notReproduced() (left []string) {
	for _, e := range s.opts.Networking.Endpoints {
		left = append(left, "the network "+e.Network)
	}
	for _, f := range s.files {
		if f.host == "" {
			left = append(left, "the file "+f.target)
		}
	}
	if s.opts.ModifySpec != nil {
		left = append(left, "ModifySpec")
	}
	return left
}

// cliLine is a shell line of the cli, with the store that is not the default.
func (f *Fixture) cliLine(args ...string) string {
	return cliline.Line(EnvRoot, os.Getenv(EnvRoot), args...)
}

// maskedInfo is a description without secrets.
func maskedInfo(info container.Info) container.Info {
	env := make([]string, len(info.Options.Env))
	for i, e := range info.Options.Env {
		env[i] = cliline.Masked(e)
	}
	info.Options.Env = env
	return info
}
