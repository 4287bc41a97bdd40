package spec

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/caisson-dev/caisson/agent/internal/apparmor"
	"github.com/caisson-dev/caisson/agent/internal/host"
	"github.com/caisson-dev/caisson/agent/internal/seccomp"
	"github.com/caisson-dev/caisson/container"
)

func validateSecurity(s container.Security) error {
	if err := validateCaps(s); err != nil {
		return err
	}
	if p := strings.TrimSpace(s.Seccomp); p != "" && p != container.Unconfined && p[0] != '{' {
		return invalid("Options.Security.Seccomp %.40q: use %q or a profile as JSON: read it from its file first", p, container.Unconfined)
	}
	for i, r := range s.DeviceRules {
		if _, err := deviceRule(r); err != nil {
			return invalid("Options.Security.DeviceRules[%d]: %w", i, err)
		}
	}
	return nil
}

func checkSecurity(s container.Security, f Facts) error {
	set, err := bounding(s, f.Host.Caps)
	if err != nil {
		return err
	}
	if _, err := filter(s, set, f.Host); err != nil {
		return err
	}
	if f.Host.Rootless && len(s.DeviceRules) > 0 {
		return unsupported("Options.Security.DeviceRules: this user may not use the host's cgroups and can't make devices: run as root")
	}
	const field = "Options.Security.AppArmor"
	switch profile := s.AppArmor; {
	case profile == "" || profile == container.Unconfined:
	case !f.AppArmor:
		return unsupported(field+" %q: the kernel has no AppArmor, or the host does not use it: leave the field out", profile)
	case !f.HasProfile && profile != apparmor.Name: // which is loaded at the start
		return unsupported(field+" %q: the host has not loaded it: load it with apparmor_parser", profile)
	}
	return nil
}

// AppArmor is the profile that a container gets, and whether it has to be loaded first: Docker's where this process
// loads profiles, and none for a privileged container. Where this process can't load profiles, there is no default one;
// what it forbids, masked paths, capabilities and the seccomp filter forbid too.
func AppArmor(s container.Security, loads bool) (profile string, load bool) {
	switch {
	case s.AppArmor == container.Unconfined, s.AppArmor == "" && s.Privileged:
		return "", false
	case s.AppArmor != "" && s.AppArmor != apparmor.Name, !loads:
		return s.AppArmor, false
	}
	return apparmor.Name, true
}

// filter is the seccomp profile for a bounding set; nil is none.
func filter(s container.Security, set []string, h host.Host) (*specs.LinuxSeccomp, error) {
	switch p := strings.TrimSpace(s.Seccomp); {
	case p == container.Unconfined, p == "" && s.Privileged:
		return nil, nil
	case p == "":
		return seccomp.Profile(set, h.Arch, h.Kernel)
	default:
		out, err := seccomp.Load([]byte(p), set, h.Arch, h.Kernel)
		if err != nil {
			return nil, invalid("Options.Security.Seccomp: %w", err)
		}
		return out, nil
	}
}

// confine sets what Security says in a specification with the defaults.
func confine(s *specs.Spec, in Input) error {
	sec := in.Container.Options.Security
	set, err := bounding(sec, in.Host.Caps)
	if err != nil {
		return err
	}
	s.Process.Capabilities = capabilities(set, in.User.UID == 0)
	s.Process.NoNewPrivileges = sec.NoNewPrivileges
	s.Process.ApparmorProfile = in.AppArmor
	if s.Linux.Seccomp, err = filter(sec, set, in.Host); err != nil {
		return err
	}
	s.Linux.MaskedPaths, s.Linux.ReadonlyPaths = slices.Concat(maskedPaths, in.Thermal), slices.Clone(readonlyPaths)
	if sec.Privileged || sec.Unmasked {
		s.Linux.MaskedPaths, s.Linux.ReadonlyPaths = nil, nil
	}
	if sec.Privileged {
		for i, m := range s.Mounts {
			if m.Type == "sysfs" || m.Type == "cgroup" {
				s.Mounts[i].Options = slices.DeleteFunc(m.Options, func(o string) bool { return o == "ro" })
			}
		}
	}
	return nil
}

// maskedPaths are Docker's (moby/moby daemon/pkg/oci/defaults.go), with Input.Thermal.
var maskedPaths = []string{
	"/proc/acpi", "/proc/asound", "/proc/interrupts", "/proc/kcore", "/proc/keys", "/proc/latency_stats",
	"/proc/sched_debug", "/proc/scsi", "/proc/timer_list", "/proc/timer_stats", "/sys/devices/virtual/powercap", "/sys/firmware",
}

var readonlyPaths = []string{"/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"}

var deviceRuleRE = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^([acb]) (\d+|\*):(\d+|\*) ([rwm]{1,3})$`) })

// deviceRule reads a rule in the form of the devices cgroup (Linux, Documentation/admin-guide/cgroup-v1/devices.rst).
func deviceRule(s string) (specs.LinuxDeviceCgroup, error) {
	m := deviceRuleRE().FindStringSubmatch(s)
	if m == nil {
		return specs.LinuxDeviceCgroup{}, fmt.Errorf("%q: write it like \"c 10:229 rwm\": a, b or c; MAJOR:MINOR or *; and letters of r, w and m", s)
	}
	r := specs.LinuxDeviceCgroup{Allow: true, Type: m[1], Access: m[4]}
	for i, to := range []**int64{&r.Major, &r.Minor} {
		if m[2+i] == "*" {
			continue
		}
		n, err := strconv.ParseInt(m[2+i], 10, 32)
		if err != nil {
			return r, fmt.Errorf("%q: %w", s, err)
		}
		*to = &n
	}
	return r, nil
}
