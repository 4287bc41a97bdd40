package main

import (
	"regexp"
	"strings"
)

// flagOf are the flags that set a field of the library's options. The library's messages begin with the field; whoever
// types a command line knows the flag.
var flagOf = map[string]string{
	"Options.Name": "--name", "Options.Entrypoint": "--entrypoint", "Options.Cmd": "the command", "Options.Env": "-e", "Options.Dir": "-w",
	"Options.User": "-u", "Options.Labels": "--label", "Options.Annotations": "--annotation", "Options.Network": "--network",
	"Options.Ports": "-p", "Options.Mounts": "-v or --mount", "Options.AutoRemove": "--rm", "Options.Stdin": "-i", "Options.TTY": "-t",
	"Options.ReadOnly": "--read-only", "Options.Image": "the image",
	"Options.Process.Groups": "--group-add", "Options.Process.Init": "--init",
	"Options.Networking.Hostname": "--hostname", "Options.Networking.Domain": "--domainname", "Options.Networking.Hosts": "--add-host",
	"Options.Networking.DNS.Servers": "--dns", "Options.Networking.DNS.Search": "--dns-search", "Options.Networking.DNS.Options": "--dns-option",
	"Options.Networking.DNS": "--dns", "Options.Networking.Endpoints": "--network", "Options.Networking.Exposed": "--expose",
	"Options.Networking.HostPorts": "--host-port", "Options.Networking.AllHostPorts": "--host-port",
	"Options.Lifecycle.StopSignal": "--stop-signal", "Options.Lifecycle.StopTimeout": "--stop-timeout", "Options.Lifecycle.Restart": "--restart",
	"Options.Health.Test": "--health-cmd", "Options.Health.Interval": "--health-interval", "Options.Health.Timeout": "--health-timeout",
	"Options.Health.StartPeriod": "--health-start-period", "Options.Health.StartInterval": "--health-start-interval", "Options.Health.Retries": "--health-retries",
	"Options.Log.MaxSize": "--log-opt max-size", "Options.Log.MaxFiles": "--log-opt max-file",
	"Options.Namespaces.PID": "--pid", "Options.Namespaces.IPC": "--ipc", "Options.Namespaces.UTS": "--uts", "Options.Namespaces.Sysctls": "--sysctl",
	"Options.Security.CapAdd": "--cap-add", "Options.Security.CapDrop": "--cap-drop", "Options.Security.Privileged": "--privileged",
	"Options.Security.NoNewPrivileges": "--security-opt no-new-privileges", "Options.Security.Seccomp": "--security-opt seccomp",
	"Options.Security.AppArmor": "--security-opt apparmor", "Options.Security.Unmasked": "--security-opt systempaths",
	"Options.Security.DeviceRules": "--device-cgroup-rule",
	"Resources.Memory":             "--memory", "Resources.MemorySwap": "--memory-swap", "Resources.MemoryReservation": "--memory-reservation",
	"Resources.CPUs": "--cpus", "Resources.CPUSet": "--cpuset-cpus", "Resources.MemoryNodes": "--cpuset-mems", "Resources.CPUShares": "--cpu-shares",
	"Resources.PIDs": "--pids-limit", "Resources.BlockIOWeight": "--blkio-weight", "Resources.ShmSize": "--shm-size", "Resources.Devices": "--device",
	"Resources.Ulimits": "--ulimit", "Resources.OOMScoreAdj": "--oom-score-adj", "Resources.CgroupParent": "--cgroup-parent", "Resources.BlockIO": "--device-read-bps and the like",
	"VolumeOptions.Name": "the volume's name", "VolumeOptions.Labels": "--label",
	"NetworkOptions.Name": "the network's name", "NetworkOptions.IPv4": "--subnet", "NetworkOptions.IPv6": "--subnet", "NetworkOptions.Gateway4": "--gateway",
	"NetworkOptions.Gateway6": "--gateway", "NetworkOptions.IPv4Range": "--ip-range", "NetworkOptions.IPv6Range": "--ip-range", "NetworkOptions.MTU": "--opt com.docker.network.driver.mtu", "NetworkOptions.Labels": "--label",
	"NetworkOptions.EnableIPv6": "--ipv6", "NetworkOptions.Internal": "--internal",
	"ListOptions.Statuses": "--filter status", "ListOptions.Health": "--filter health", "ListOptions.References": "--filter reference",
	"BuildOptions.Target": "--target", "BuildOptions.Tags": "--tag", "BuildOptions.Platform": "--platform", "BuildOptions.Args": "--build-arg",
	"BuildOptions.Labels": "--label", "BuildOptions.Run.Network": "--network", "BuildOptions.Run.Hosts": "--add-host", "BuildOptions.Jobs": "--jobs",
	"BuildOptions.Dockerfile": "-f", "BuildOptions.Cache.DisableStages": "--no-cache-filter", "BuildOptions.Run.SSH": "--ssh", "BuildOptions.Run.Secrets": "--secret",
	"CopyOptions.KeepOwner": "-a", "StopOptions.Signal": "--signal", "StopOptions.Timeout": "--time", "UpdateOptions.Restart": "--restart",
	"Cmd.Dir": "-w", "Cmd.User": "-u", "Cmd.Env": "-e", "CreateSource": "use -v, which makes a directory", "Force": "-f",
}

var fieldPattern = regexp.MustCompile(`\b((Options|VolumeOptions|NetworkOptions|ListOptions|BuildOptions|CopyOptions|StopOptions|UpdateOptions|Cmd|Resources)(\.[A-Za-z0-9]+|\[[0-9]+\])+|set (Force|CreateSource)\b)`)

var indexPattern = regexp.MustCompile(`\[[0-9]+\]`)

// speak puts flags in place of the fields in a message of the library. A field that has no flag stays.
func speak(message string) string {
	return fieldPattern.ReplaceAllStringFunc(message, func(path string) string {
		if name, ok := strings.CutPrefix(path, "set "); ok {
			if name == "Force" {
				return "use -f"
			}
			return flagOf[name]
		}
		name := strings.TrimPrefix(indexPattern.ReplaceAllString(path, ""), "Options.Resources")
		if strings.HasPrefix(name, ".") {
			name = "Resources" + name
		}
		name = strings.Replace(name, "UpdateOptions.Resources", "Resources", 1)
		for name != "" {
			if flag, ok := flagOf[name]; ok {
				return flag
			}
			i := strings.LastIndexByte(name, '.')
			if i < 0 {
				break
			}
			name = name[:i]
		}
		return path
	})
}
