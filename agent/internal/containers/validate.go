//go:build linux

package containers

import (
	"errors"
	"math"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/caisson-dev/caisson/agent/internal/names"
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
	if o.Name != "" && !names.Valid(o.Name) {
		return invalid("Options.Name %q: it must match %s", o.Name, names.Pattern())
	}
	if err := validateCommand(o); err != nil {
		return err
	}
	for field, m := range map[string]map[string]string{"Labels": o.Labels, "Annotations": o.Annotations} {
		if err := names.CheckLabels("Options."+field, m); err != nil {
			return err
		}
	}
	if len(o.Networking.Hostname) > 63 || strings.ContainsAny(o.Networking.Hostname, " /\x00\n") {
		return invalid("Options.Networking.Hostname %q: at most 63 letters, digits, dots and hyphens", o.Networking.Hostname)
	}
	if len(o.Networking.Domain) > 63 || strings.ContainsAny(o.Networking.Domain, " /\x00\n") {
		return invalid("Options.Networking.Domain %q: at most 63 letters, digits, dots and hyphens", o.Networking.Domain)
	}
	for i, g := range o.Process.Groups {
		if g == "" || strings.ContainsAny(g, ":\n\x00") {
			return invalid("Options.Process.Groups[%d] %q: use the name or number of a group", i, g)
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
	if o.Lifecycle.IdleTimeout < 0 || o.Lifecycle.IdleTimeout > 0 && !o.Detach {
		return invalid("Options.Lifecycle.IdleTimeout %s: it must not be negative, and is for a container that is detached", o.Lifecycle.IdleTimeout)
	}
	if o.Lifecycle.StopTimeout < 0 {
		return invalid("Options.Lifecycle.StopTimeout %s: it must not be negative", o.Lifecycle.StopTimeout)
	}
	if o.Lifecycle.StopSignal != "" {
		if _, err := parseSignal(o.Lifecycle.StopSignal); err != nil {
			return invalid("Options.Lifecycle.StopSignal: %w", err)
		}
	}
	if o.AutoRemove && o.Lifecycle.Restart.Mode != "" && o.Lifecycle.Restart.Mode != container.RestartNo {
		return invalid("Options.AutoRemove and Restart %q: a container that is removed can't start again: leave one out", o.Lifecycle.Restart.Mode)
	}
	return firstError(
		func() error { return validateNames(o) },
		func() error { return validateMounts(o.Mounts) },
		func() error { return validateResources(&o.Resources) },
		func() error { return validateSecurity(&o.Security) },
		func() error { return validateNamespaces(o) },
		func() error { return validateDevices(o.Resources.Devices) },
		func() error { return validateSysctls(o) },
		func() error { return validateHealth(o.Health) },
		func() error { return validateRestart(o.Lifecycle.Restart) },
		func() error { return validateLog(o.Log) },
	)
}

// validateCommand refuses what no process can be started with.
func validateCommand(o *container.Options) error {
	if len(o.Entrypoint) > 0 && o.Entrypoint[0] == "" {
		return invalid("Options.Entrypoint[0] is empty: name a program, or leave no element to do without the image's entrypoint")
	}
	for field, args := range map[string][]string{"Options.Entrypoint": o.Entrypoint, "Options.Cmd": o.Cmd} {
		if err := validateArgs(field, args); err != nil {
			return err
		}
	}
	if err := validateEnv("Options.Env", o.Env); err != nil {
		return err
	}
	if err := validateUser("Options.User", o.User); err != nil {
		return err
	}
	return validateDir("Options.Dir", o.Dir)
}

func validateArgs(field string, args []string) error {
	for i, a := range args {
		if strings.Contains(a, "\x00") {
			return invalid("%s[%d] %q: it can't have a zero byte", field, i, a)
		}
	}
	return nil
}

func validateEnv(field string, env []string) error {
	for _, e := range env {
		if k, _, _ := strings.Cut(e, "="); k == "" || strings.Contains(e, "\x00") {
			return invalid("%s %q: it must be KEY=value", field, e)
		}
	}
	return nil
}

func validateDir(field, dir string) error {
	if dir != "" && !filepath.IsAbs(dir) || strings.Contains(dir, "\x00") {
		return invalid("%s %q: it must be absolute", field, dir)
	}
	return nil
}

// validateUser looks at the form alone: the names are the image's.
func validateUser(field, spec string) error {
	who, group, _ := strings.Cut(spec, ":")
	if strings.ContainsAny(who+group, ":\n\x00") {
		return invalid("%s %q: use a name, a number, name:group or uid:gid", field, spec)
	}
	for _, id := range []string{who, group} {
		n, err := strconv.ParseInt(id, 10, 64)
		if (err == nil || errors.Is(err, strconv.ErrRange)) && (n < 0 || n > math.MaxInt32) {
			return invalid("%s %q: ids go from 0 to %d", field, spec, math.MaxInt32)
		}
	}
	return nil
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
