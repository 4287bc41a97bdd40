//go:build linux

package containers

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	goruntime "runtime"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/caisson-dev/caisson/container"
	"github.com/caisson-dev/caisson/internal/engine/seccomp"
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
	return canAppArmor(o.Security.AppArmor)
}

func canAppArmor(profile string) error {
	if profile == "" || profile == container.Unconfined {
		return nil
	}
	if b, err := os.ReadFile("/sys/module/apparmor/parameters/enabled"); err != nil || strings.TrimSpace(string(b)) != "Y" {
		return unsupported("Options.Security.AppArmor %q: the kernel has no AppArmor", profile)
	}
	b, err := os.ReadFile("/sys/kernel/security/apparmor/profiles")
	if err != nil {
		return nil // only root may read it: the start tells
	}
	for line := range strings.Lines(string(b)) {
		if name, _, ok := strings.Cut(line, " ("); ok && name == profile {
			return nil
		}
	}
	return unsupported("Options.Security.AppArmor %q: the host has not loaded it: load it with apparmor_parser", profile)
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
	if sec.AppArmor != container.Unconfined {
		s.Process.ApparmorProfile = sec.AppArmor
	}
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
