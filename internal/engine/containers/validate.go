//go:build linux

package containers

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
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
	switch o.Network {
	case "", container.NetworkNone, container.NetworkHost:
	default:
		return invalid("Options.Network %q: use none or host", o.Network)
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
	return validateMounts(o.Mounts)
}

func validateMounts(mounts []container.Mount) error {
	var targets []string
	for i := range mounts {
		m := &mounts[i]
		if m.Type == "" {
			m.Type = container.MountBind
		}
		if !filepath.IsAbs(m.Target) || filepath.Clean(m.Target) == "/" {
			return invalid("Options.Mounts[%d].Target %q: it must be absolute and not /", i, m.Target)
		}
		m.Target = filepath.Clean(m.Target)
		if slices.Contains(targets, m.Target) {
			return invalid("Options.Mounts[%d].Target %q: another mount has it", i, m.Target)
		}
		targets = append(targets, m.Target)
		switch m.Type {
		case container.MountBind:
			if !filepath.IsAbs(m.Source) {
				return invalid("Options.Mounts[%d].Source %q: a bind mount's source must be an absolute path", i, m.Source)
			}
			if _, err := os.Stat(m.Source); errors.Is(err, fs.ErrNotExist) {
				return invalid("Options.Mounts[%d].Source %q: it does not exist: make it first", i, m.Source)
			} else if err != nil {
				return invalid("Options.Mounts[%d].Source: %w", i, err)
			}
		case container.MountVolume:
			if m.Source != "" && !nameRE.MatchString(m.Source) {
				return invalid("Options.Mounts[%d].Source %q: a volume's name must match %s", i, m.Source, nameRE)
			}
		case container.MountTmpfs:
			if m.Source != "" {
				return invalid("Options.Mounts[%d].Source %q: a tmpfs has none", i, m.Source)
			}
		default:
			return invalid("Options.Mounts[%d].Type %q: use bind, volume or tmpfs", i, m.Type)
		}
	}
	return nil
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
