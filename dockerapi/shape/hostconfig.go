package shape

import (
	"encoding/json"
	"strconv"
	"strings"

	"github.com/docker/go-units"
	"github.com/moby/moby/api/types/blkiodev"
	docker "github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/mount"
	"github.com/moby/moby/api/types/network"

	"github.com/caisson-dev/caisson/container"
)

// HostConfig is Docker's HostConfig of the options.
func HostConfig(o *container.Options) *docker.HostConfig {
	h := &docker.HostConfig{
		AutoRemove: o.AutoRemove, NetworkMode: networkMode(o), PortBindings: portBindings(o.Ports),
		LogConfig: docker.LogConfig{Type: "json-file", Config: logOptions(o.Log)},
		RestartPolicy: docker.RestartPolicy{
			Name: docker.RestartPolicyMode(first(string(o.Lifecycle.Restart.Mode), "no")), MaximumRetryCount: o.Lifecycle.Restart.MaxRetries,
		},
		CapAdd: capabilities(o.Security.CapAdd), CapDrop: capabilities(o.Security.CapDrop), Privileged: o.Security.Privileged,
		SecurityOpt: securityOptions(o.Security), CgroupnsMode: docker.CgroupnsModePrivate,
		DNS: o.Networking.DNS.Servers, DNSOptions: orEmpty(o.Networking.DNS.Options), DNSSearch: orEmpty(o.Networking.DNS.Search),
		ExtraHosts: o.Networking.Hosts, GroupAdd: o.Process.Groups, IpcMode: docker.IpcMode(first(string(o.Namespaces.IPC), "private")),
		PidMode: docker.PidMode(o.Namespaces.PID), UTSMode: docker.UTSMode(o.Namespaces.UTS), OomScoreAdj: o.Resources.OOMScoreAdj,
		ReadonlyRootfs: o.ReadOnly, Sysctls: o.Namespaces.Sysctls, Runtime: "runc", ShmSize: o.Resources.ShmSize,
		Annotations: annotations(o.Annotations), Resources: resources(o),
	}
	if h.ShmSize == 0 {
		h.ShmSize = 64 << 20
	}
	if o.Process.Init {
		h.Init = &o.Process.Init
	}
	if !o.Security.Privileged && !o.Security.Unmasked {
		h.MaskedPaths, h.ReadonlyPaths = maskedPaths, readonlyPaths
	}
	addMounts(h, o.Mounts)
	addExtra(h, o)
	return h
}

// The paths of /proc and /sys that are hidden and read-only by default, as Docker lists them.
var (
	maskedPaths = []string{
		"/proc/acpi", "/proc/asound", "/proc/interrupts", "/proc/kcore", "/proc/keys", "/proc/latency_stats", "/proc/sched_debug",
		"/proc/scsi", "/proc/timer_list", "/proc/timer_stats", "/sys/devices/virtual/powercap", "/sys/firmware",
	}
	readonlyPaths = []string{"/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"}
)

// addExtra tells back what the client gave in its own form.
func addExtra(h *docker.HostConfig, o *container.Options) {
	e, kept := ExtraOf(o)
	if !kept {
		return
	}
	x := e.Host
	h.Binds, h.Mounts = x.Binds, nil
	if len(x.Mounts) > 0 {
		_ = json.Unmarshal(x.Mounts, &h.Mounts) // it was a client's, and was read once
	}
	h.PortBindings, h.Links, h.VolumesFrom, h.PublishAllPorts, h.ConsoleSize = x.PortBindings, x.Links, x.VolumesFrom, x.PublishAllPorts, x.ConsoleSize
	h.SecurityOpt, h.CPUPeriod, h.CPUQuota = x.SecurityOpt, x.CPUPeriod, x.CPUQuota
	if x.CPUQuota != 0 {
		h.NanoCPUs = 0
	}
	if h.PortBindings == nil {
		h.PortBindings = network.PortMap{}
	}
	for _, f := range []struct {
		given string
		to    func(string)
	}{
		{string(x.NetworkMode), func(s string) { h.NetworkMode = docker.NetworkMode(s) }},
		{string(x.IpcMode), func(s string) { h.IpcMode = docker.IpcMode(s) }},
		{string(x.CgroupnsMode), func(s string) { h.CgroupnsMode = docker.CgroupnsMode(s) }},
		{x.LogType, func(s string) { h.LogConfig.Type = s }},
	} {
		if f.given != "" {
			f.to(f.given)
		}
	}
}

// capabilities are written without CAP_, as the flags have them.
func capabilities(names []string) (out []string) {
	for _, n := range names {
		out = append(out, strings.TrimPrefix(n, "CAP_"))
	}
	return out
}

func orEmpty(s []string) []string {
	if s == nil {
		return []string{}
	}
	return s
}

// networkMode is "default" for the default network, as docker run writes it.
func networkMode(o *container.Options) docker.NetworkMode {
	mode := string(o.Network)
	if len(o.Networking.Endpoints) > 0 {
		mode = o.Networking.Endpoints[0].Network
	}
	if mode == "" || mode == string(container.NetworkDefault) {
		mode = "default"
	}
	return docker.NetworkMode(mode)
}

func portBindings(ports []container.Port) network.PortMap {
	out := network.PortMap{}
	for _, p := range ports {
		for i := range max(p.Count, 1) {
			b := network.PortBinding{HostIP: p.HostIP}
			if p.Host != 0 {
				b.HostPort = strconv.Itoa(int(p.Host + i))
			}
			key := portKey(p.Container+i, protocolOf(p))
			out[key] = append(out[key], b)
		}
	}
	return out
}

func portKey(number uint16, protocol string) network.Port {
	p, _ := network.PortFrom(number, network.IPProtocol(protocol)) // which has a protocol
	return p
}

func protocolOf(p container.Port) string { return first(p.Protocol, "tcp") }

func logOptions(l container.LogConfig) map[string]string {
	out := map[string]string{}
	if l.MaxSize > 0 {
		out["max-size"] = strings.ToLower(strings.TrimSuffix(strings.ReplaceAll(units.CustomSize("%g%s", float64(l.MaxSize), 1024, []string{"", "k", "m", "g"}), " ", ""), "B"))
	}
	if l.MaxFiles > 0 {
		out["max-file"] = strconv.Itoa(l.MaxFiles)
	}
	return out
}

func securityOptions(s container.Security) []string {
	var out []string
	for _, opt := range []struct {
		is   bool
		text string
	}{
		{s.NoNewPrivileges, "no-new-privileges"}, {s.Seccomp != "", "seccomp=" + s.Seccomp},
		{s.AppArmor != "", "apparmor=" + s.AppArmor}, {s.Unmasked, "systempaths=unconfined"},
	} {
		if opt.is {
			out = append(out, opt.text)
		}
	}
	return out
}

// addMounts has the binds and the named volumes in -v's form, the tmpfs in --tmpfs's.
func addMounts(h *docker.HostConfig, list []container.Mount) {
	for _, m := range list {
		switch {
		case m.Type == container.MountTmpfs:
			if h.Tmpfs == nil {
				h.Tmpfs = map[string]string{}
			}
			h.Tmpfs[m.Target] = tmpfsOptions(m)
		case m.Type == container.MountImage, m.Type == container.MountBind && !m.CreateSource: // as --mount makes them
			h.Mounts = append(h.Mounts, mount.Mount{
				Type: mount.Type(m.Type), Source: m.Source, Target: m.Target, ReadOnly: m.ReadOnly || m.Type == container.MountImage,
			})
		case m.Source != "":
			h.Binds = append(h.Binds, bindText(m))
		}
	}
}

func bindText(m container.Mount) string {
	var modes []string
	if m.ReadOnly {
		modes = append(modes, "ro")
	}
	if m.Propagation != "" {
		modes = append(modes, string(m.Propagation))
	}
	if m.NoCopy {
		modes = append(modes, "nocopy")
	}
	out := m.Source + ":" + m.Target
	if len(modes) > 0 {
		out += ":" + strings.Join(modes, ",")
	}
	return out
}

func tmpfsOptions(m container.Mount) string {
	var list []string
	if m.ReadOnly {
		list = append(list, "ro")
	}
	if m.Tmpfs.Size > 0 {
		list = append(list, "size="+strconv.FormatInt(m.Tmpfs.Size, 10))
	}
	if m.Tmpfs.Mode > 0 {
		list = append(list, "mode="+strconv.FormatUint(uint64(m.Tmpfs.Mode), 8))
	}
	return strings.Join(append(list, m.Tmpfs.Options...), ",")
}

func resources(o *container.Options) docker.Resources {
	r := &o.Resources
	out := docker.Resources{
		Memory: r.Memory, MemorySwap: r.MemorySwap, MemoryReservation: r.MemoryReservation, NanoCPUs: int64(r.CPUs * 1e9),
		CPUShares: int64(r.CPUShares), CpusetCpus: r.CPUSet, CpusetMems: r.MemoryNodes, BlkioWeight: uint16(r.BlockIOWeight),
		CgroupParent: r.CgroupParent, Devices: []docker.DeviceMapping{}, DeviceCgroupRules: o.Security.DeviceRules,
	}
	if r.PIDs != 0 {
		out.PidsLimit = &r.PIDs
	}
	for _, d := range r.Devices {
		out.Devices = append(out.Devices, docker.DeviceMapping{
			PathOnHost: d.Source, PathInContainer: first(d.Target, d.Source), CgroupPermissions: first(d.Permissions, "rwm"),
		})
	}
	for _, u := range r.Ulimits {
		out.Ulimits = append(out.Ulimits, &docker.Ulimit{Name: u.Name, Soft: u.Soft, Hard: u.Hard})
	}
	for _, l := range r.BlockIO {
		for _, rate := range []struct {
			to *[]*blkiodev.ThrottleDevice
			n  int64
		}{
			{&out.BlkioDeviceReadBps, l.ReadBPS}, {&out.BlkioDeviceWriteBps, l.WriteBPS},
			{&out.BlkioDeviceReadIOps, l.ReadIOPS}, {&out.BlkioDeviceWriteIOps, l.WriteIOPS},
		} {
			if rate.n > 0 {
				*rate.to = append(*rate.to, &blkiodev.ThrottleDevice{Path: l.Device, Rate: uint64(rate.n)})
			}
		}
	}
	return out
}
