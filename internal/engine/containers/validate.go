//go:build linux

package containers

import (
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/caisson-dev/caisson/container"
	"github.com/caisson-dev/caisson/image"
	"github.com/caisson-dev/caisson/internal/api"
)

func invalid(format string, args ...any) error {
	return api.Errorf(api.ErrInvalidArgument, format, args...)
}

// validate refuses what can't be, with the field's name, and fills defaults in.
func validate(o *container.Options) error {
	if o.Image == "" {
		return invalid("Options.Image is empty: name an image")
	}
	if o.Name != "" && !nameRE.MatchString(o.Name) {
		return invalid("Options.Name %q: it must match %s", o.Name, nameRE)
	}
	for _, e := range o.Env {
		if k, _, _ := strings.Cut(e, "="); k == "" || strings.Contains(e, "\x00") {
			return invalid("Options.Env %q: it must be KEY=value", e)
		}
	}
	if o.Dir != "" && !filepath.IsAbs(o.Dir) {
		return invalid("Options.Dir %q: it must be absolute", o.Dir)
	}
	if len(o.Hostname) > 63 || strings.ContainsAny(o.Hostname, " /\x00\n") {
		return invalid("Options.Hostname %q: at most 63 letters, digits, dots and hyphens", o.Hostname)
	}
	if len(o.Domain) > 63 || strings.ContainsAny(o.Domain, " /\x00\n") {
		return invalid("Options.Domain %q: at most 63 letters, digits, dots and hyphens", o.Domain)
	}
	for i, g := range o.Groups {
		if g == "" || strings.ContainsAny(g, ":\n\x00") {
			return invalid("Options.Groups[%d] %q: use the name or number of a group", i, g)
		}
	}
	if err := validateNetwork(o); err != nil {
		return err
	}
	switch o.Pull {
	case "", image.PullMissing, image.PullAlways, image.PullNever:
	default:
		return invalid("Options.Pull %q: use missing, always or never", o.Pull)
	}
	if o.StopTimeout < 0 {
		return invalid("Options.StopTimeout %s: it must not be negative", o.StopTimeout)
	}
	if o.StopSignal != "" {
		if _, err := parseSignal(o.StopSignal); err != nil {
			return invalid("Options.StopSignal: %w", err)
		}
	}
	if o.AutoRemove && o.Restart.Mode != "" && o.Restart.Mode != container.RestartNo {
		return invalid("Options.AutoRemove and Restart %q: a container that is removed can't start again: leave one out", o.Restart.Mode)
	}
	return firstError(
		func() error { return validateNames(o) },
		func() error { return validateMounts(o.Mounts) },
		func() error { return validateResources(&o.Resources) },
		func() error { return validateSecurity(&o.Security) },
		func() error { return validateNamespaces(o) },
		func() error { return validateDevices(o.Devices) },
		func() error { return validateSysctls(o) },
		func() error { return validateHealth(o.Health) },
		func() error { return validateRestart(o.Restart) },
		func() error { return validateLog(o.Log) },
	)
}

func firstError(checks ...func() error) error {
	for _, check := range checks {
		if err := check(); err != nil {
			return err
		}
	}
	return nil
}

// can refuses what this host, or its user, lacks.
func (h Host) can(o *container.Options) error {
	return firstError(
		func() error { return h.canLimit(o.Resources) },
		func() error { return h.canConfine(o) },
		func() error { return h.canShare(o) },
	)
}

// parseSignal reads a signal as SIGTERM, TERM or 15.
func parseSignal(s string) (syscall.Signal, error) {
	if n, err := strconv.Atoi(s); err == nil {
		if n < 1 || n > 64 {
			return 0, invalid("signal %d: there are 1 to 64", n)
		}
		return syscall.Signal(n), nil
	}
	name := strings.ToUpper(s)
	if !strings.HasPrefix(name, "SIG") {
		name = "SIG" + name
	}
	if sig := unix.SignalNum(name); sig != 0 {
		return sig, nil
	}
	if rest, ok := strings.CutPrefix(name, "SIGRTMIN"); ok { // as systemd's SIGRTMIN+3
		n := 0
		if rest != "" {
			var err error
			if n, err = strconv.Atoi(rest); err != nil || n < 0 || n > 30 {
				return 0, invalid("signal %q: unknown", s)
			}
		}
		return syscall.Signal(34 + n), nil
	}
	return 0, invalid("signal %q: unknown: use a name as SIGTERM or a number", s)
}

func signalName(s syscall.Signal) string {
	if n := unix.SignalName(s); n != "" {
		return n
	}
	return strconv.Itoa(int(s))
}
