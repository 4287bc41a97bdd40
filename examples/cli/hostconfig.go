package main

import (
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/docker/docker/api/types/blkiodev"
	docker "github.com/docker/docker/api/types/container"
	dockermount "github.com/docker/docker/api/types/mount"
	"github.com/docker/go-connections/nat"
	"github.com/docker/go-units"

	"github.com/caisson-dev/caisson/container"
)

// hostConfig is Docker's HostConfig of the options.
func hostConfig(of container.Options) *docker.HostConfig {
	o := &of
	noted := notesOf(o)
	if noted.PublishAll {
		o.Ports = o.Ports[:min(noted.Published, len(o.Ports))]
	}
	h := &docker.HostConfig{
		AutoRemove: o.AutoRemove, NetworkMode: networkMode(o), PortBindings: portBindings(o.Ports), PublishAllPorts: noted.PublishAll,
		LogConfig:     docker.LogConfig{Type: "json-file", Config: logOptions(o.Log)},
		RestartPolicy: docker.RestartPolicy{Name: docker.RestartPolicyMode(first(string(o.Lifecycle.Restart.Mode), "no")), MaximumRetryCount: o.Lifecycle.Restart.MaxRetries},
		CapAdd:        capabilities(o.Security.CapAdd), CapDrop: capabilities(o.Security.CapDrop), Privileged: o.Security.Privileged, SecurityOpt: securityOptions(o.Security),
		CgroupnsMode: docker.CgroupnsModePrivate, DNS: []string{}, DNSOptions: orEmpty(o.Networking.DNS.Options), DNSSearch: orEmpty(o.Networking.DNS.Search),
		ExtraHosts: o.Networking.Hosts, GroupAdd: o.Process.Groups, IpcMode: docker.IpcMode(first(string(o.Namespaces.IPC), "private")),
		PidMode: docker.PidMode(o.Namespaces.PID), UTSMode: docker.UTSMode(o.Namespaces.UTS), OomScoreAdj: o.Resources.OOMScoreAdj,
		ReadonlyRootfs: o.ReadOnly, Sysctls: o.Namespaces.Sysctls, Runtime: "runc", ShmSize: o.Resources.ShmSize, Annotations: annotations(o),
		Resources: resourcesJSON(&o.Resources),
	}
	if h.ShmSize == 0 {
		h.ShmSize = 64 << 20
	}
	if o.Process.Init {
		h.Init = &o.Process.Init
	}
	for _, a := range o.Networking.DNS.Servers {
		h.DNS = append(h.DNS, a.String())
	}
	h.DeviceCgroupRules = o.Security.DeviceRules
	addMounts(h, o.Mounts, noted.Mounts)
	return h
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

func portBindings(ports []container.Port) nat.PortMap {
	out := nat.PortMap{}
	for _, p := range ports {
		for i := range max(p.Count, 1) {
			b := nat.PortBinding{HostIP: text(p.HostIP)}
			if p.Host != 0 {
				b.HostPort = strconv.Itoa(int(p.Host + i))
			}
			if p.HostLast > p.Host {
				b.HostPort += "-" + strconv.Itoa(int(p.HostLast))
			}
			key := portKey(p.Container+i, protocolOf(p))
			out[key] = append(out[key], b)
		}
	}
	return out
}

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

// addMounts has the binds and the named volumes in -v's form, the tmpfs in --tmpfs's, and by themselves those whose
// targets long has, which --mount made.
func addMounts(h *docker.HostConfig, mounts []container.Mount, long []string) {
	for _, m := range mounts {
		switch {
		case m.Type == container.MountImage, m.Type == container.MountBind && !m.CreateSource, slices.Contains(long, m.Target):
			h.Mounts = append(h.Mounts, mountJSON(m))
		case m.Type == container.MountTmpfs:
			if h.Tmpfs == nil {
				h.Tmpfs = map[string]string{}
			}
			h.Tmpfs[m.Target] = tmpfsOptions(m)
		case m.Source != "":
			h.Binds = append(h.Binds, bindText(m))
		}
	}
}

// mountJSON is a mount of --mount.
func mountJSON(m container.Mount) dockermount.Mount {
	out := dockermount.Mount{
		Type: dockermount.Type(m.Type), Source: m.Source, Target: m.Target, ReadOnly: m.ReadOnly || m.Type == container.MountImage,
	}
	if m.Propagation != "" {
		out.BindOptions = &dockermount.BindOptions{Propagation: dockermount.Propagation(m.Propagation)}
	}
	if m.NoCopy {
		out.VolumeOptions = &dockermount.VolumeOptions{NoCopy: true}
	}
	if m.Tmpfs.Size != 0 || m.Tmpfs.Mode != 0 {
		out.TmpfsOptions = &dockermount.TmpfsOptions{SizeBytes: m.Tmpfs.Size, Mode: os.FileMode(m.Tmpfs.Mode)}
	}
	return out
}

func bindText(m container.Mount) string {
	out := m.Source + ":" + m.Target
	if modes := modesText(m); modes != "" {
		out += ":" + modes
	}
	return out
}

// modesText are the modes of -v.
func modesText(m container.Mount) string {
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
	return strings.Join(modes, ",")
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

func resourcesJSON(r *container.Resources) docker.Resources {
	out := docker.Resources{
		Memory: r.Memory, MemorySwap: r.MemorySwap, MemoryReservation: r.MemoryReservation, NanoCPUs: int64(r.CPUs * 1e9),
		CPUShares: int64(r.CPUShares), CpusetCpus: r.CPUSet, CpusetMems: r.MemoryNodes, BlkioWeight: uint16(r.BlockIOWeight),
		CgroupParent: r.CgroupParent, Devices: []docker.DeviceMapping{},
	}
	if r.PIDs != 0 {
		most := max(r.PIDs, 0) // no limit is 0 there
		out.PidsLimit = &most
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
