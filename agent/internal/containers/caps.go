//go:build linux

package containers

import (
	"slices"
	"strings"

	"github.com/moby/sys/capability"
	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/caisson-dev/caisson/container"
)

// defaultCaps are Docker's.
var defaultCaps = []string{
	"CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_FSETID", "CAP_FOWNER", "CAP_MKNOD", "CAP_NET_RAW", "CAP_SETGID", "CAP_SETUID",
	"CAP_SETFCAP", "CAP_SETPCAP", "CAP_NET_BIND_SERVICE", "CAP_SYS_CHROOT", "CAP_KILL", "CAP_AUDIT_WRITE",
}

const allCaps = "ALL"

func capName(c capability.Cap) string { return "CAP_" + strings.ToUpper(c.String()) }

// knownCaps are all that this release knows of.
func knownCaps() []string {
	var names []string
	for _, c := range capability.ListKnown() {
		names = append(names, capName(c))
	}
	return names
}

// availableCaps are those that this process has, and so can give.
func availableCaps() []string {
	hdr := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var data [2]unix.CapUserData
	if err := unix.Capget(&hdr, &data[0]); err != nil {
		return nil
	}
	var names []string
	for _, c := range capability.ListKnown() {
		if data[c/32].Permitted&(1<<(c%32)) != 0 {
			names = append(names, capName(c))
		}
	}
	return names
}

// normalCap is a capability's full name, or ALL.
func normalCap(name string) string {
	name = strings.ToUpper(name)
	if name != allCaps && !strings.HasPrefix(name, "CAP_") {
		name = "CAP_" + name
	}
	return name
}

// validateCaps writes the names in full.
func validateCaps(s *container.Security) error {
	known := knownCaps()
	for field, list := range map[string][]string{"CapAdd": s.CapAdd, "CapDrop": s.CapDrop} {
		for i, name := range list {
			full := normalCap(name)
			if full != allCaps && !slices.Contains(known, full) {
				return invalid("Options.Security.%s[%d] %q: no such capability: use a name as NET_ADMIN, or ALL", field, i, name)
			}
			list[i] = full
		}
	}
	if s.Privileged && len(s.CapAdd)+len(s.CapDrop) > 0 {
		return invalid("Options.Security.Privileged: a privileged container has all capabilities: leave CapAdd and CapDrop out, or name the capabilities instead of Privileged")
	}
	for _, name := range s.CapAdd {
		if slices.Contains(s.CapDrop, name) {
			return invalid("Options.Security: %s is in CapAdd and in CapDrop", name)
		}
	}
	return nil
}

// bounding is the container's set: Docker's default with what the options change, as far as this process has it.
func bounding(s container.Security, available []string) ([]string, error) {
	has := func(name string) bool { return slices.Contains(available, name) }
	var set []string
	switch {
	case s.Privileged, slices.Contains(s.CapAdd, allCaps):
		set = slices.Clone(available)
	case !slices.Contains(s.CapDrop, allCaps):
		set = slices.DeleteFunc(slices.Clone(defaultCaps), func(c string) bool { return !has(c) })
	}
	for _, c := range s.CapAdd {
		switch {
		case c == allCaps, slices.Contains(set, c):
		case !has(c):
			return nil, unsupported("Options.Security.CapAdd: the engine itself does not have %s", c)
		default:
			set = append(set, c)
		}
	}
	return slices.DeleteFunc(set, func(c string) bool { return slices.Contains(s.CapDrop, c) }), nil
}

// capabilities: a user that is not root has them in the bounding set alone.
func capabilities(set []string, root bool) *specs.LinuxCapabilities {
	c := &specs.LinuxCapabilities{Bounding: set}
	if root {
		c.Effective, c.Permitted = set, set
	}
	return c
}
