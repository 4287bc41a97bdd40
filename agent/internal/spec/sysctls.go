package spec

import (
	"maps"
	"slices"
	"strings"

	"github.com/caisson-dev/caisson/container"
)

// ipcSysctls belong to the IPC namespace, as does fs.mqueue.
var ipcSysctls = []string{
	"kernel.msgmax", "kernel.msgmnb", "kernel.msgmni", "kernel.sem", "kernel.shmall", "kernel.shmmax", "kernel.shmmni",
	"kernel.shm_rmid_forced",
}

// sysctls are those of the options, with Docker's defaults for a network of the container's own (moby/moby
// daemon/oci_linux.go): any user may listen on any port, and ping. Groups of a user namespace can't be allowed to ping.
func sysctls(o container.Options, rootless bool) map[string]string {
	all := map[string]string{}
	if o.Network != container.NetworkHost && ContainerOf(string(o.Network)) == "" {
		all["net.ipv4.ip_unprivileged_port_start"] = "0"
		if !rootless {
			all["net.ipv4.ping_group_range"] = "0 2147483647"
		}
	}
	for name, value := range o.Namespaces.Sysctls {
		if strings.HasPrefix(name, "net.") {
			delete(all, strings.ReplaceAll(name, "/", "."))
		}
		all[name] = value
	}
	return all
}

// validateSysctls refuses parameters that are not of a namespace of the container's own: they would be the host's.
func validateSysctls(o container.Options) error {
	for _, name := range slices.Sorted(maps.Keys(o.Namespaces.Sysctls)) {
		if strings.Contains(name, "/") && !strings.HasPrefix(name, "net.") || strings.ContainsAny(name, " \x00\n") || strings.Contains(name, "..") {
			return invalid("Options.Namespaces.Sysctls %q: write the name with dots, such as net.ipv4.ip_forward", name)
		}
		if strings.Contains(o.Namespaces.Sysctls[name], "\x00") {
			return invalid("Options.Namespaces.Sysctls %q: the value can't have a zero byte", name)
		}
		switch {
		case strings.HasPrefix(name, "net."):
			if o.Network == container.NetworkHost || ContainerOf(string(o.Network)) != "" {
				return invalid("Options.Namespaces.Sysctls %q: the container does not own the network of Options.Network %q: leave one out", name, o.Network)
			}
		case slices.Contains(ipcSysctls, name), strings.HasPrefix(name, "fs.mqueue."):
			if o.Namespaces.IPC != "" {
				return invalid("Options.Namespaces.Sysctls %q: the container does not own the namespace of Options.Namespaces.IPC %q: leave one out", name, o.Namespaces.IPC)
			}
		case name == "kernel.domainname":
			return invalid("Options.Namespaces.Sysctls %q: use Options.Networking.Domain", name)
		case name == "kernel.hostname":
			return invalid("Options.Namespaces.Sysctls %q: use Options.Networking.Hostname", name)
		default:
			return invalid("Options.Namespaces.Sysctls %q: it belongs to the host, not to a container: use net.*, fs.mqueue.* or %s", name, strings.Join(ipcSysctls, ", "))
		}
	}
	return nil
}
