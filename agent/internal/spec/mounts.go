package spec

import (
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/caisson-dev/caisson/agent/internal/names"
	"github.com/caisson-dev/caisson/container"
)

// validateMounts refuses what can't be.
func validateMounts(mounts []container.Mount) error {
	var targets []string
	for i, given := range mounts {
		field, m := fmt.Sprintf("Options.Mounts[%d]", i), completeMount(given)
		switch {
		case !path.IsAbs(given.Target) || m.Target == "/" || strings.Contains(m.Target, "\x00"):
			return invalid("%s.Target %q: it must be absolute and not /", field, given.Target)
		case inProc(m.Target):
			return invalid("%s.Target %q: /proc belongs to the kernel, and a mount there would mislead the engine and the container: choose another target", field, given.Target)
		case slices.Contains(targets, m.Target):
			return invalid("%s.Target %q: another mount has it", field, given.Target)
		}
		targets = append(targets, m.Target)
		if err := validateMount(field, m); err != nil {
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

func validateMount(field string, m container.Mount) error {
	switch {
	case m.Type != container.MountBind && m.CreateSource:
		return invalid("%s.CreateSource: it is only for bind mounts", field)
	case m.Type != container.MountBind && m.Propagation != "":
		return invalid("%s.Propagation %q: it is only for bind mounts", field, m.Propagation)
	case m.Type != container.MountVolume && m.NoCopy:
		return invalid("%s.NoCopy: it is only for volumes", field)
	case m.Type != container.MountTmpfs && (m.Tmpfs.Size != 0 || m.Tmpfs.Mode != 0 || m.Tmpfs.Options != nil):
		return invalid("%s.Tmpfs: it is only for mounts of the type tmpfs", field)
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
			return invalid("%s.Source %q: a tmpfs has no source: leave it out", field, m.Source)
		}
		return validateTmpfs(field, m.Tmpfs)
	case container.MountImage:
		if m.Source == "" {
			return invalid("%s.Source: name an image", field)
		}
	default:
		return invalid("%s.Type %q: use bind, volume, tmpfs or image", field, m.Type)
	}
	return nil
}

func validateBind(field string, m container.Mount) error {
	if !path.IsAbs(m.Source) || strings.Contains(m.Source, "\x00") {
		return invalid("%s.Source %q: a bind mount's source must be an absolute path", field, m.Source)
	}
	switch m.Propagation {
	case "", container.PropagationPrivate, container.PropagationRPrivate, container.PropagationSlave, container.PropagationRSlave:
		return nil
	case container.PropagationShared, container.PropagationRShared:
		return unsupported("%s.Propagation %q: the container's mounts stay in the agent's mount namespace and can't reach the host: use rslave", field, m.Propagation)
	}
	return invalid("%s.Propagation %q: use private, rprivate, slave or rslave", field, m.Propagation)
}

// percent is a share of the machine's memory.
var percent = regexp.MustCompile(`^[0-9]{1,3}%$`)

// tmpfsOptions are those that need no more thought; the others are fields, or make the mount something else.
var tmpfsOptions = []string{
	"exec", "noexec", "suid", "nosuid", "dev", "nodev", "atime", "noatime", "diratime", "nodiratime", "relatime",
	"norelatime", "strictatime", "nostrictatime", "sync", "async", "dirsync", "nosymfollow", "symfollow",
	"tmpcopyup",
}

func validateTmpfs(field string, t container.Tmpfs) error {
	if t.Size < 0 {
		return invalid("%s.Tmpfs.Size %d: it must not be negative", field, t.Size)
	}
	if t.Mode > 0o7777 {
		return invalid("%s.Tmpfs.Mode %o: it must be at most 7777", field, t.Mode)
	}
	for _, o := range t.Options {
		key, value, has := strings.Cut(o, "=")
		switch {
		case !has && slices.Contains(tmpfsOptions, o):
		case has && value != "" && !strings.ContainsAny(value, ",\x00") && slices.Contains([]string{"uid", "gid", "nr_inodes", "nr_blocks", "huge", "mpol"}, key):
		case key == "size" && percent.MatchString(value): // of the machine's memory, which Size can't say
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
	if m.Tmpfs.Mode != 0 { // without it libcontainer takes that of the directory there, or else the kernel 1777
		options = append(options, fmt.Sprintf("mode=%o", m.Tmpfs.Mode))
	}
	if m.Tmpfs.Size != 0 {
		options = append(options, fmt.Sprintf("size=%d", m.Tmpfs.Size))
	}
	options = append(options, m.Tmpfs.Options...)
	if m.ReadOnly {
		return append(options, "ro")
	}
	return append(options, "rw")
}
