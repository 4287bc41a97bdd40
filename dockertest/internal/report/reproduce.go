package report

import (
	"path/filepath"
	"strconv"

	"github.com/caisson-dev/caisson/container"
	"github.com/caisson-dev/caisson/internal/cliline"
)

// Run is what a container was made of.
type Run struct {
	Image    string
	Platform string
	Options  container.Options
	Files    []File
}

// File is something that was put into the container before it started.
type File struct {
	Host   string // the path on this machine; empty for what was in the test's memory
	Target string
}

// Args are the arguments of the cli that run a container like it.
func (r Run) Args() []string {
	o := r.Options
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
	for _, f := range r.Files {
		if f.Host != "" {
			add("-v", f.Host+":"+f.Target)
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
	add("--platform", r.Platform)
	add("-u", o.User)
	add("-w", o.Dir)
	cmd := o.Cmd
	if len(o.Entrypoint) > 0 {
		add("--entrypoint", o.Entrypoint[0])
		cmd = append(o.Entrypoint[1:len(o.Entrypoint):len(o.Entrypoint)], cmd...)
	}
	return append(append(args, r.Image), cmd...)
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

// Missing names what those can't have: what is in the test's memory, and networks that end with it.
func (r Run) Missing() (left []string) {
	for _, e := range r.Options.Networking.Endpoints {
		left = append(left, "the network "+e.Network)
	}
	for _, f := range r.Files {
		if f.Host == "" {
			left = append(left, "the file "+f.Target)
		}
	}
	if r.Options.ModifySpec != nil {
		left = append(left, "ModifySpec")
	}
	return left
}
