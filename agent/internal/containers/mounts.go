//go:build linux

package containers

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/moby/sys/mountinfo"
	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/caisson-dev/caisson/agent/internal/names"
	"github.com/caisson-dev/caisson/container"
)

// validateMounts refuses what can't be, and fills defaults in.
func validateMounts(mounts []container.Mount) error {
	var targets []string
	for i := range mounts {
		m := &mounts[i]
		if m.Type == "" {
			m.Type = container.MountBind
		}
		if !filepath.IsAbs(m.Target) || filepath.Clean(m.Target) == "/" || strings.Contains(m.Target, "\x00") {
			return invalid("Options.Mounts[%d].Target %q: it must be absolute and not /", i, m.Target)
		}
		m.Target = filepath.Clean(m.Target)
		if inProc(m.Target) {
			return invalid("Options.Mounts[%d].Target %q: /proc is the kernel's: what lies there would deceive the engine and the container alike", i, m.Target)
		}
		if slices.Contains(targets, m.Target) {
			return invalid("Options.Mounts[%d].Target %q: another mount has it", i, m.Target)
		}
		targets = append(targets, m.Target)
		if err := validateMount(fmt.Sprintf("Options.Mounts[%d]", i), m); err != nil {
			return err
		}
	}
	return nil
}

// procFiles are those that may be covered, as lxcfs does (runc, libcontainer/rootfs_linux.go).
var procFiles = []string{
	"/proc/cpuinfo", "/proc/diskstats", "/proc/meminfo", "/proc/stat", "/proc/swaps", "/proc/uptime", "/proc/loadavg",
	"/proc/slabinfo", "/proc/sys/kernel/ns_last_pid", "/proc/sys/crypto/fips_enabled",
}

func inProc(target string) bool {
	return (target == "/proc" || strings.HasPrefix(target, "/proc/")) && !slices.Contains(procFiles, target)
}

func validateMount(field string, m *container.Mount) error {
	switch {
	case m.Type != container.MountBind && m.CreateSource:
		return invalid("%s.CreateSource: it is for bind mounts", field)
	case m.Type != container.MountBind && m.Propagation != "":
		return invalid("%s.Propagation %q: it is for bind mounts", field, m.Propagation)
	case m.Type != container.MountVolume && m.NoCopy:
		return invalid("%s.NoCopy: it is for volumes", field)
	case m.Type != container.MountTmpfs && (m.Tmpfs.Size != 0 || m.Tmpfs.Mode != 0 || m.Tmpfs.Options != nil):
		return invalid("%s.Tmpfs: it is for mounts of the type tmpfs", field)
	}
	switch m.Type {
	case container.MountBind:
		return validateBind(field, m)
	case container.MountVolume:
		if m.Source != "" && !names.Valid(m.Source) {
			return invalid("%s.Source %q: a volume's name must match %s", field, m.Source, names.Pattern())
		}
	case container.MountTmpfs:
		if m.Source != "" {
			return invalid("%s.Source %q: a tmpfs has none", field, m.Source)
		}
		return validateTmpfs(field, m.Tmpfs)
	case container.MountImage:
		if m.Source == "" {
			return invalid("%s.Source: name an image", field)
		}
		m.ReadOnly = true
	default:
		return invalid("%s.Type %q: use bind, volume, tmpfs or image", field, m.Type)
	}
	return nil
}

func validateBind(field string, m *container.Mount) error {
	if !filepath.IsAbs(m.Source) || strings.Contains(m.Source, "\x00") {
		return invalid("%s.Source %q: a bind mount's source must be an absolute path", field, m.Source)
	}
	source := m.Source
	if m.CreateSource {
		source = existing(source)
	}
	if _, err := os.Stat(source); errors.Is(err, fs.ErrNotExist) {
		return invalid("%s.Source %q: it does not exist: make it first, or set CreateSource", field, m.Source)
	} else if err != nil {
		return invalid("%s.Source: %w", field, err)
	}
	switch m.Propagation {
	case "", container.PropagationPrivate, container.PropagationRPrivate:
		return nil
	case container.PropagationSlave, container.PropagationRSlave:
		return validateSlave(field, source)
	case container.PropagationShared, container.PropagationRShared:
		return unsupported("%s.Propagation %q: a container's mounts stay in its agent's mount namespace, and end with it: use rslave", field, m.Propagation)
	}
	return invalid("%s.Propagation %q: use private, rprivate, slave or rslave", field, m.Propagation)
}

// existing is the path, or the nearest directory above that exists.
func existing(path string) string {
	for {
		if _, err := os.Lstat(path); err == nil || path == "/" {
			return path
		}
		path = filepath.Dir(path)
	}
}

// validateSlave: where the host's mount is private, nothing would ever come from it.
func validateSlave(field, source string) error {
	real, err := filepath.EvalSymlinks(source)
	if err != nil {
		return invalid("%s.Source: %w", field, err)
	}
	above, err := mountinfo.GetMounts(mountinfo.ParentsFilter(real))
	if err != nil {
		return err
	}
	var at *mountinfo.Info
	for _, m := range above {
		if at == nil || len(m.Mountpoint) >= len(at.Mountpoint) { // the last one covers the others
			at = m
		}
	}
	if at != nil && !strings.Contains(at.Optional, "master:") && !strings.Contains(at.Optional, "shared:") {
		return invalid("%s.Propagation: the host's mount at %s is private: nothing would come from it: mount --make-rshared it, or use rprivate", field, at.Mountpoint)
	}
	return nil
}

// tmpfsOptions are those that need no more thought; the others are fields, or make the mount something else.
var tmpfsOptions = []string{
	"exec", "noexec", "suid", "nosuid", "dev", "nodev", "atime", "noatime", "diratime", "nodiratime", "relatime",
	"norelatime", "strictatime", "nostrictatime", "sync", "async", "dirsync", "nosymfollow", "symfollow",
}

func validateTmpfs(field string, t container.Tmpfs) error {
	if t.Size < 0 {
		return invalid("%s.Tmpfs.Size %d: it must not be negative", field, t.Size)
	}
	if t.Mode > 0o7777 {
		return invalid("%s.Tmpfs.Mode %o: at most 7777, as for chmod", field, t.Mode)
	}
	for _, o := range t.Options {
		key, value, has := strings.Cut(o, "=")
		switch {
		case !has && slices.Contains(tmpfsOptions, o):
		case has && value != "" && !strings.ContainsAny(value, ",\x00") && slices.Contains([]string{"uid", "gid", "nr_inodes", "nr_blocks", "huge", "mpol"}, key):
		case key == "size" || key == "mode" || key == "ro" || key == "rw":
			return invalid("%s.Tmpfs.Options %q: use the fields Size, Mode and ReadOnly", field, o)
		default:
			return invalid("%s.Tmpfs.Options %q: use %s, uid=, gid=, nr_inodes=, nr_blocks=, huge= or mpol=", field, o, strings.Join(tmpfsOptions, ", "))
		}
	}
	return nil
}

// mount converts a mount; source is its path on the host.
func mount(m container.Mount, source string) specs.Mount {
	if m.Type == container.MountTmpfs {
		return specs.Mount{Destination: m.Target, Type: "tmpfs", Source: "tmpfs", Options: tmpfsMountOptions(m)}
	}
	propagation := m.Propagation
	if propagation == "" {
		propagation = container.PropagationRPrivate
	}
	rw := "rw"
	if m.ReadOnly {
		rw = "rro" // what is mounted below the source too
	}
	return specs.Mount{Destination: m.Target, Type: "bind", Source: source, Options: []string{"rbind", string(propagation), rw}}
}

func tmpfsMountOptions(m container.Mount) []string {
	options := []string{"nosuid", "nodev", "noexec"}
	mode := uint32(0o1777)
	if m.Tmpfs.Mode != 0 {
		mode = m.Tmpfs.Mode
	}
	options = append(options, fmt.Sprintf("mode=%o", mode))
	if m.Tmpfs.Size != 0 {
		options = append(options, fmt.Sprintf("size=%d", m.Tmpfs.Size))
	}
	options = append(options, m.Tmpfs.Options...)
	if m.ReadOnly {
		return append(options, "ro")
	}
	return append(options, "rw")
}

// systemMounts are Docker's, which every container has.
func systemMounts(in specInput) []specs.Mount {
	o := &in.Record.Options
	devpts := []string{"nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620"}
	if !in.OneID {
		devpts = append(devpts, "gid=5") // unmapped: invalid argument
	}
	sys := specs.Mount{Destination: "/sys", Type: "sysfs", Source: "sysfs", Options: []string{"nosuid", "noexec", "nodev", "ro"}}
	if in.Rootless && o.Network == container.NetworkHost {
		// sysfs belongs to the network namespace, and that to the host's user namespace.
		sys = specs.Mount{Destination: "/sys", Type: "none", Source: "/sys", Options: []string{"rbind", "nosuid", "noexec", "nodev", "ro"}}
	}
	mounts := []specs.Mount{
		{Destination: "/proc", Type: "proc", Source: "proc", Options: []string{"nosuid", "noexec", "nodev"}},
		{Destination: "/dev", Type: "tmpfs", Source: "tmpfs", Options: []string{"nosuid", "strictatime", "mode=755", "size=65536k"}},
		{Destination: "/dev/pts", Type: "devpts", Source: "devpts", Options: devpts},
		sys,
	}
	mounts = append(mounts, ipcMounts(in)...)
	if sys.Type == "sysfs" && (!in.Rootless || in.CgroupV2) {
		mounts = append(mounts, specs.Mount{Destination: "/sys/fs/cgroup", Type: "cgroup", Source: "cgroup", Options: []string{"ro", "nosuid", "noexec", "nodev"}})
	}
	// A mount of the user's takes the place.
	return slices.DeleteFunc(mounts, func(s specs.Mount) bool {
		return slices.ContainsFunc(in.Record.Mounts, func(m container.Mount) bool { return m.Target == s.Destination })
	})
}

// ipcMounts are the files of the IPC namespace: message queues and shared memory.
func ipcMounts(in specInput) []specs.Mount {
	bind := func(target, source string) specs.Mount {
		return specs.Mount{Destination: target, Type: "bind", Source: source, Options: []string{"bind", "rprivate", "nosuid", "noexec", "nodev"}}
	}
	o := &in.Record.Options
	mqueue := specs.Mount{Destination: "/dev/mqueue", Type: "mqueue", Source: "mqueue", Options: []string{"nosuid", "noexec", "nodev"}}
	if o.Namespaces.IPC == container.NamespaceHost {
		shm := bind("/dev/shm", "/dev/shm")
		switch {
		case !in.Rootless:
			return []specs.Mount{mqueue, shm}
		case !in.Mqueue:
			return []specs.Mount{shm}
		}
		return []specs.Mount{bind("/dev/mqueue", "/dev/mqueue"), shm} // it belongs to the host's user namespace
	}
	if in.Shm != "" {
		return []specs.Mount{mqueue, bind("/dev/shm", in.Shm)}
	}
	size := int64(64 << 20)
	if o.Resources.ShmSize != 0 {
		size = o.Resources.ShmSize
	}
	return []specs.Mount{mqueue, {
		Destination: "/dev/shm", Type: "tmpfs", Source: "shm",
		Options: []string{"nosuid", "noexec", "nodev", "mode=1777", fmt.Sprintf("size=%dk", (size+1023)/1024)},
	}}
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
