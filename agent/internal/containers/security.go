//go:build linux

package containers

import (
	"context"
	"fmt"
	"path/filepath"
	"regexp"
	goruntime "runtime"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/caisson-dev/caisson/agent/internal/apparmor"
	"github.com/caisson-dev/caisson/agent/internal/seccomp"
	"github.com/caisson-dev/caisson/container"
)

// validateSecurity refuses what can't be on any host, and writes names in full.
func validateSecurity(s *container.Security) error {
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

// canConfine refuses what this host or its user can't do.
func (h Host) canConfine(o *container.Options) error {
	set, err := bounding(o.Security, availableCaps())
	if err != nil {
		return err
	}
	if _, err := filter(o.Security, set, h.Kernel); err != nil {
		return err
	}
	if h.Rootless && len(o.Security.DeviceRules) > 0 {
		return unsupported("Options.Security.DeviceRules: this user has no rights on the host's cgroups, and makes no devices: run as root")
	}
	return h.canAppArmor(o.Security.AppArmor)
}

// canAppArmor refuses a profile by name that this host does not have.
func (h Host) canAppArmor(profile string) error {
	const field = "Options.Security.AppArmor"
	switch {
	case profile == "" || profile == container.Unconfined:
		return nil
	case !h.AppArmor.Enabled():
		return unsupported(field+" %q: the kernel has no AppArmor, or the host does not use it: leave the field out", profile)
	}
	loaded, err := h.AppArmor.Loaded(profile)
	switch {
	case err != nil: // only root may ask: the start tells
		return nil
	case !loaded && profile == apparmor.Name:
		return nil // it is loaded at the start
	case !loaded:
		return unsupported(field+" %q: the host has not loaded it: load it with apparmor_parser", profile)
	}
	return nil
}

// appArmor is the profile that a container gets, loaded if it is the default one: as Docker, where the host has AppArmor,
// and none for a privileged container. Where this process can't load profiles, there is no default one; what it forbids,
// masked paths, capabilities and the seccomp filter forbid too.
func (s *Service) appArmor(sec container.Security) (string, error) {
	h := s.Host.AppArmor
	switch {
	case sec.AppArmor == container.Unconfined, sec.AppArmor == "" && sec.Privileged:
		return "", nil
	case sec.AppArmor != "" && sec.AppArmor != apparmor.Name:
		return sec.AppArmor, nil
	case s.Host.Rootless, !h.Enabled(), !h.CanLoad(), !slices.Contains(availableCaps(), "CAP_MAC_ADMIN"):
		return sec.AppArmor, nil
	}
	if err := h.Load(context.Background()); err != nil {
		return "", fmt.Errorf("%w (Options.Security.AppArmor %q does without)", err, container.Unconfined)
	}
	return apparmor.Name, nil
}

// filter is the seccomp profile for a bounding set; nil is none.
func filter(s container.Security, set []string, k seccomp.Kernel) (*specs.LinuxSeccomp, error) {
	switch p := strings.TrimSpace(s.Seccomp); {
	case p == container.Unconfined, p == "" && s.Privileged:
		return nil, nil
	case p == "":
		return seccomp.Profile(set, goruntime.GOARCH, k)
	default:
		out, err := seccomp.Load([]byte(p), set, goruntime.GOARCH, k)
		if err != nil {
			return nil, invalid("Options.Security.Seccomp: %w", err)
		}
		return out, nil
	}
}

// confine sets what Security says in a specification with the defaults.
func confine(s *specs.Spec, in specInput) error {
	sec := in.Record.Options.Security
	set, err := bounding(sec, in.Caps)
	if err != nil {
		return err
	}
	s.Process.Capabilities = capabilities(set, in.User.UID == 0)
	s.Process.NoNewPrivileges = sec.NoNewPrivileges
	s.Process.ApparmorProfile = in.AppArmor
	if s.Linux.Seccomp, err = filter(sec, set, in.Kernel); err != nil {
		return err
	}
	s.Linux.MaskedPaths, s.Linux.ReadonlyPaths = append(slices.Clone(maskedPaths), in.Thermal...), readonlyPaths
	if sec.Privileged || sec.Unmasked {
		s.Linux.MaskedPaths, s.Linux.ReadonlyPaths = nil, nil
	}
	if sec.Privileged {
		for i, m := range s.Mounts {
			if m.Type == "sysfs" || m.Type == "cgroup" {
				s.Mounts[i].Options = slices.DeleteFunc(slices.Clone(m.Options), func(o string) bool { return o == "ro" })
			}
		}
	}
	return nil
}

// confineExec confines another process as the container's first one is, which ModifySpec may have changed.
func confineExec(p, first *specs.Process) {
	set := []string{}
	if first.Capabilities != nil {
		set = first.Capabilities.Bounding
	}
	p.Capabilities = capabilities(set, p.User.UID == 0)
	p.NoNewPrivileges, p.ApparmorProfile, p.SelinuxLabel = first.NoNewPrivileges, first.ApparmorProfile, first.SelinuxLabel
	p.Rlimits, p.OOMScoreAdj = first.Rlimits, first.OOMScoreAdj
}

// maskedPaths are Docker's (moby/moby daemon/pkg/oci/defaults.go), with thermalPaths.
var maskedPaths = []string{
	"/proc/acpi", "/proc/asound", "/proc/interrupts", "/proc/kcore", "/proc/keys", "/proc/latency_stats",
	"/proc/sched_debug", "/proc/scsi", "/proc/timer_list", "/proc/timer_stats", "/sys/devices/virtual/powercap", "/sys/firmware",
}

var readonlyPaths = []string{"/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"}

// thermalPaths tell a container what its neighbours do (GHSA-6fw5-f8r9-fgfm); each processor that counts has one.
func thermalPaths() []string {
	found, _ := filepath.Glob("/sys/devices/system/cpu/cpu[0-9]*/thermal_throttle") // the pattern is well formed
	return found
}

var deviceRuleRE = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^([acb]) (\d+|\*):(\d+|\*) ([rwm]{1,3})$`) })

// deviceRule reads a rule in the form of the devices cgroup (Linux, Documentation/admin-guide/cgroup-v1/devices.rst).
func deviceRule(s string) (specs.LinuxDeviceCgroup, error) {
	m := deviceRuleRE().FindStringSubmatch(s)
	if m == nil {
		return specs.LinuxDeviceCgroup{}, fmt.Errorf("%q: write it as \"c 10:229 rwm\": a, b or c, MAJOR:MINOR or *, and of r, w and m", s)
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
