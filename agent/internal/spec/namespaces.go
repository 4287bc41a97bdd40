package spec

import (
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/caisson-dev/caisson/container"
)

// Sharing is an option that says whose namespace a container has.
type Sharing struct {
	Kind  specs.LinuxNamespaceType
	File  string // its name in /proc/PID/ns
	Field string
	Mode  string
}

// Sharings are the options of namespaces.
func Sharings(o container.Options) []Sharing {
	return []Sharing{
		{specs.PIDNamespace, "pid", "Options.Namespaces.PID", string(o.Namespaces.PID)},
		{specs.IPCNamespace, "ipc", "Options.Namespaces.IPC", string(o.Namespaces.IPC)},
		{specs.UTSNamespace, "uts", "Options.Namespaces.UTS", string(o.Namespaces.UTS)},
		{specs.NetworkNamespace, "net", "Options.Network", string(o.Network)},
	}
}

// Share sets whose namespace of a kind a container has.
func Share(o *container.Options, kind specs.LinuxNamespaceType, mode string) {
	switch kind {
	case specs.PIDNamespace:
		o.Namespaces.PID = container.NamespaceMode(mode)
	case specs.IPCNamespace:
		o.Namespaces.IPC = container.NamespaceMode(mode)
	case specs.UTSNamespace:
		o.Namespaces.UTS = container.NamespaceMode(mode)
	case specs.NetworkNamespace:
		o.Network = container.NetworkMode(mode)
	}
}

// ContainerOf is the container that a mode names, or nothing.
func ContainerOf(mode string) string {
	name, is := strings.CutPrefix(mode, "container:")
	if !is {
		return ""
	}
	return name
}

func validateNamespaces(o container.Options) error {
	for _, ns := range Sharings(o) {
		if ns.Mode == "container:" {
			return invalid("%s %q: name the container", ns.Field, ns.Mode)
		}
		if ns.Kind == specs.NetworkNamespace || ns.Mode == "" || ns.Mode == "host" || ContainerOf(ns.Mode) != "" {
			continue
		}
		return invalid("%s %q: use host or container:NAME", ns.Field, ns.Mode)
	}
	switch named := o.Networking.Hostname + o.Networking.Domain; {
	case named != "" && o.Namespaces.UTS != "":
		return invalid("Options.Networking.Hostname and Domain: the container uses those of Options.Namespaces.UTS %q: leave one out", o.Namespaces.UTS)
	case o.Resources.ShmSize != 0 && o.Namespaces.IPC != "":
		return invalid("Options.Resources.ShmSize: the container uses the /dev/shm of Options.Namespaces.IPC %q: leave one out", o.Namespaces.IPC)
	}
	if ContainerOf(string(o.Network)) == "" {
		return nil
	}
	switch {
	case o.Networking.Hostname != "":
		return invalid("Options.Networking.Hostname %q: the container shares the network and the host name of another container: leave Hostname or Options.Network out", o.Networking.Hostname)
	case len(o.Networking.Hosts) > 0:
		return invalid("Options.Networking.Hosts: the container uses the /etc/hosts of Options.Network %q: leave one out", o.Network)
	case len(o.Networking.DNS.Servers)+len(o.Networking.DNS.Search)+len(o.Networking.DNS.Options) > 0:
		return invalid("Options.Networking.DNS: the container uses the /etc/resolv.conf of Options.Network %q: leave one out", o.Network)
	}
	return nil
}

// checkNamespaces: what leaves its first process behind in a namespace of others is found again by its cgroup alone.
func checkNamespaces(n container.Namespaces, f Facts) error {
	if f.Host.Rootless && n.PID != "" {
		return unsupported("Options.Namespaces.PID %q: this user may not use the host's cgroups, so the engine could not find processes that the container leaves behind: run as root", n.PID)
	}
	return nil
}
