//go:build linux

package containers

import (
	"slices"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/caisson-dev/caisson/container"
	"github.com/caisson-dev/caisson/internal/api"
)

// specInput is all that a specification follows from. Everything that has to be looked up has been.
type specInput struct {
	Record   *Record
	RootFS   string
	User     specs.User
	Home     string   // of the user, for HOME
	Files    string   // the directory of hostname, hosts and resolv.conf
	Sources  []string // of Record.Mounts, in their order: paths on the host
	Rootless bool
	OneID    bool // the user namespace maps a single id
	CgroupV2 bool
}

// newSpec makes the OCI runtime specification, with Docker's defaults (moby/moby daemon/pkg/oci/defaults.go).
func newSpec(in specInput) (*specs.Spec, error) {
	rec := in.Record
	s := &specs.Spec{
		Version:  specs.Version,
		Root:     &specs.Root{Path: in.RootFS, Readonly: rec.Options.ReadOnly},
		Hostname: hostname(rec),
		Process: &specs.Process{
			Args:         rec.Command,
			Env:          environment(in),
			Cwd:          rec.Dir,
			User:         in.User,
			Capabilities: capabilities(in.User.UID == 0),
		},
		Linux: &specs.Linux{
			Namespaces:    namespaces(rec.Options.Network),
			MaskedPaths:   maskedPaths,
			ReadonlyPaths: readonlyPaths,
			CgroupsPath:   "/caisson/" + rec.ID,
			Resources:     &specs.LinuxResources{Devices: deviceRules()},
		},
	}
	if in.Rootless {
		s.Linux.CgroupsPath = "" // a path that is asked for and can't be made would be an error
	}
	if rec.Options.Network == container.NetworkHost {
		s.Hostname = ""
		s.Linux.Namespaces = slices.DeleteFunc(s.Linux.Namespaces, func(n specs.LinuxNamespace) bool { return n.Type == specs.UTSNamespace })
	}
	s.Mounts = append(systemMounts(in), fileMounts(in)...)
	for i, m := range rec.Mounts {
		sm, err := mount(m, in.Sources[i])
		if err != nil {
			return nil, err
		}
		s.Mounts = append(s.Mounts, sm)
	}
	return s, nil
}

func hostname(rec *Record) string {
	if rec.Options.Hostname != "" {
		return rec.Options.Hostname
	}
	return short(rec.ID)
}

const defaultPath = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

// environment is the image's and the options', in which PATH, HOSTNAME and HOME are never missing, as in Docker.
func environment(in specInput) []string {
	env := []string{defaultPath, "HOSTNAME=" + hostname(in.Record)}
	if in.Home != "" {
		env = append(env, "HOME="+in.Home)
	}
	return mergeEnv(env, in.Record.Env)
}

// mergeEnv adds to env; a later value of a name replaces the earlier one in its place.
func mergeEnv(env, add []string) []string {
	env = slices.Clone(env)
	for _, kv := range add {
		k, _, ok := strings.Cut(kv, "=")
		i := slices.IndexFunc(env, func(have string) bool { return strings.HasPrefix(have, k+"=") })
		switch {
		case !ok && i >= 0:
			env = slices.Delete(env, i, i+1) // as docker run -e NAME with NAME unset
		case !ok:
		case i >= 0:
			env[i] = kv
		default:
			env = append(env, kv)
		}
	}
	return env
}

// defaultCaps are Docker's.
var defaultCaps = []string{
	"CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_FSETID", "CAP_FOWNER", "CAP_MKNOD", "CAP_NET_RAW", "CAP_SETGID", "CAP_SETUID",
	"CAP_SETFCAP", "CAP_SETPCAP", "CAP_NET_BIND_SERVICE", "CAP_SYS_CHROOT", "CAP_KILL", "CAP_AUDIT_WRITE",
}

// capabilities: a user that is not root has them in the bounding set alone.
func capabilities(root bool) *specs.LinuxCapabilities {
	c := &specs.LinuxCapabilities{Bounding: defaultCaps}
	if root {
		c.Effective, c.Permitted = defaultCaps, defaultCaps
	}
	return c
}

func namespaces(n container.NetworkMode) []specs.LinuxNamespace {
	ns := []specs.LinuxNamespace{
		{Type: specs.MountNamespace}, {Type: specs.UTSNamespace}, {Type: specs.PIDNamespace}, {Type: specs.IPCNamespace},
		{Type: specs.CgroupNamespace},
	}
	if n != container.NetworkHost {
		ns = append(ns, specs.LinuxNamespace{Type: specs.NetworkNamespace})
	}
	return ns
}

var maskedPaths = []string{
	"/proc/acpi", "/proc/asound", "/proc/interrupts", "/proc/kcore", "/proc/keys", "/proc/latency_stats",
	"/proc/sched_debug", "/proc/scsi", "/proc/timer_list", "/proc/timer_stats", "/sys/devices/virtual/powercap", "/sys/firmware",
}

var readonlyPaths = []string{"/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"}

func systemMounts(in specInput) []specs.Mount {
	devpts := []string{"nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620"}
	if !in.OneID {
		devpts = append(devpts, "gid=5") // unmapped: invalid argument
	}
	sys := specs.Mount{Destination: "/sys", Type: "sysfs", Source: "sysfs", Options: []string{"nosuid", "noexec", "nodev", "ro"}}
	if in.Rootless && in.Record.Options.Network == container.NetworkHost {
		// sysfs belongs to the network namespace, and that to the host's user namespace.
		sys = specs.Mount{Destination: "/sys", Type: "none", Source: "/sys", Options: []string{"rbind", "nosuid", "noexec", "nodev", "ro"}}
	}
	mounts := []specs.Mount{
		{Destination: "/proc", Type: "proc", Source: "proc", Options: []string{"nosuid", "noexec", "nodev"}},
		{Destination: "/dev", Type: "tmpfs", Source: "tmpfs", Options: []string{"nosuid", "strictatime", "mode=755", "size=65536k"}},
		{Destination: "/dev/pts", Type: "devpts", Source: "devpts", Options: devpts},
		sys,
		{Destination: "/dev/mqueue", Type: "mqueue", Source: "mqueue", Options: []string{"nosuid", "noexec", "nodev"}},
		{Destination: "/dev/shm", Type: "tmpfs", Source: "shm", Options: []string{"nosuid", "noexec", "nodev", "mode=1777", "size=65536k"}},
	}
	if sys.Type == "sysfs" && (!in.Rootless || in.CgroupV2) {
		mounts = append(mounts, specs.Mount{Destination: "/sys/fs/cgroup", Type: "cgroup", Source: "cgroup", Options: []string{"ro", "nosuid", "noexec", "nodev"}})
	}
	return mounts
}

// fileMounts are the files that the engine writes for each container, unless a mount of the user's takes the place.
func fileMounts(in specInput) []specs.Mount {
	var mounts []specs.Mount
	for _, name := range []string{"hostname", "hosts", "resolv.conf"} {
		target := "/etc/" + name
		taken := slices.ContainsFunc(in.Record.Mounts, func(m container.Mount) bool { return m.Target == target })
		if in.Files != "" && !taken {
			mounts = append(mounts, specs.Mount{Destination: target, Type: "bind", Source: in.Files + "/" + name, Options: []string{"rbind", "rprivate", "rw"}})
		}
	}
	return mounts
}

func mount(m container.Mount, source string) (specs.Mount, error) {
	rw := "rw"
	if m.ReadOnly {
		rw = "ro"
	}
	switch m.Type {
	case container.MountTmpfs:
		return specs.Mount{Destination: m.Target, Type: "tmpfs", Source: "tmpfs", Options: []string{"nosuid", "nodev", "noexec", "mode=1777", rw}}, nil
	case container.MountBind, container.MountVolume:
		if m.ReadOnly {
			return specs.Mount{Destination: m.Target, Type: "bind", Source: source, Options: []string{"rbind", "rprivate", "rro"}}, nil
		}
		return specs.Mount{Destination: m.Target, Type: "bind", Source: source, Options: []string{"rbind", "rprivate", rw}}, nil
	}
	return specs.Mount{}, api.Errorf(api.ErrInvalidArgument, "mount %s: type %q: use bind, volume or tmpfs", m.Target, m.Type)
}

// deviceRules are Docker's: deny all, then what every container needs. libcontainer adds the devices it makes.
func deviceRules() []specs.LinuxDeviceCgroup {
	allow := func(typ string, major, minor int64, access string) specs.LinuxDeviceCgroup {
		r := specs.LinuxDeviceCgroup{Allow: true, Type: typ, Access: access}
		if major >= 0 {
			r.Major = &major
		}
		if minor >= 0 {
			r.Minor = &minor
		}
		return r
	}
	return []specs.LinuxDeviceCgroup{
		{Allow: false, Access: "rwm"},
		allow("c", -1, -1, "m"), allow("b", -1, -1, "m"), // mknod, not use
		allow("c", 1, 3, "rwm"), allow("c", 1, 5, "rwm"), allow("c", 1, 7, "rwm"), allow("c", 1, 8, "rwm"), allow("c", 1, 9, "rwm"),
		allow("c", 5, 0, "rwm"), allow("c", 5, 2, "rwm"), allow("c", 136, -1, "rwm"),
	}
}
