package spec

import (
	"fmt"
	"slices"
	"strings"

	"github.com/moby/sys/capability"
	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/caisson-dev/caisson/container"
)

// defaultCaps are Docker's.
var defaultCaps = []string{
	"CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_FSETID", "CAP_FOWNER", "CAP_MKNOD", "CAP_NET_RAW", "CAP_SETGID", "CAP_SETUID",
	"CAP_SETFCAP", "CAP_SETPCAP", "CAP_NET_BIND_SERVICE", "CAP_SYS_CHROOT", "CAP_KILL", "CAP_AUDIT_WRITE",
}

const allCaps = "ALL"

func isCap(full string) bool {
	return slices.ContainsFunc(capability.ListKnown(), func(c capability.Cap) bool { return full == "CAP_"+strings.ToUpper(c.String()) })
}

func validateCaps(s container.Security) error {
	check := func(field string, list []string) error {
		for i, name := range list {
			if full := fullCap(name); full != allCaps && !isCap(full) {
				return invalid("Options.Security.%s %q: no such capability: use a name such as NET_ADMIN, or ALL", fmt.Sprintf("%s[%d]", field, i), name)
			}
		}
		return nil
	}
	if err := firstError(
		func() error { return check("CapAdd", s.CapAdd) },
		func() error { return check("CapDrop", s.CapDrop) },
	); err != nil {
		return err
	}
	if s.Privileged && len(s.CapAdd)+len(s.CapDrop) > 0 {
		return invalid("Options.Security.Privileged: a privileged container has all capabilities: leave CapAdd and CapDrop out, or name the capabilities instead of Privileged")
	}
	dropped := each(s.CapDrop, fullCap)
	for _, name := range each(s.CapAdd, fullCap) {
		if slices.Contains(dropped, name) {
			return invalid("Options.Security: %s is in CapAdd and in CapDrop: leave it out of one", name)
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
			return nil, unsupported("Options.Security.CapAdd: the engine itself does not have %s: run it with that, or leave it out", c)
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
