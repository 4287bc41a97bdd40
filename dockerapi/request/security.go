package request

import (
	"strconv"
	"strings"

	"github.com/caisson-dev/caisson/container"
)

func (c *Create) security(w *Wanted, _ Known) error {
	h := c.HostConfig
	s := &w.Options.Security
	s.CapAdd, s.CapDrop, s.Privileged = h.CapAdd, h.CapDrop, h.Privileged
	w.Extra.Host.SecurityOpt = h.SecurityOpt
	// An empty list that is not missing is what a client sends for systempaths=unconfined.
	if h.MaskedPaths != nil && len(h.MaskedPaths) == 0 && h.ReadonlyPaths != nil && len(h.ReadonlyPaths) == 0 {
		s.Unmasked = true
	}
	for _, opt := range h.SecurityOpt {
		if err := securityOption(s, opt); err != nil {
			return err
		}
	}
	return nil
}

func securityOption(s *container.Security, opt string) error {
	name, value, has := strings.Cut(opt, "=")
	if !has {
		name, value, has = strings.Cut(opt, ":") // as old clients write it
	}
	switch name {
	case "no-new-privileges":
		s.NoNewPrivileges = true
		if has {
			on, err := strconv.ParseBool(value)
			if err != nil {
				return invalid("invalid --security-opt 2: %q", opt)
			}
			s.NoNewPrivileges = on
		}
		return nil
	case "seccomp":
		if value != "builtin" {
			s.Seccomp = value
		}
	case "apparmor":
		s.AppArmor = value
	case "systempaths":
		if value != "unconfined" {
			return invalid("invalid --security-opt 2: %q", opt)
		}
		s.Unmasked = true
	case "label": // of SELinux, which containers here have no labels of
	default:
		return invalid("invalid --security-opt 2: %q", opt)
	}
	if !has || value == "" {
		return invalid("invalid --security-opt 1: %q", opt)
	}
	return nil
}
