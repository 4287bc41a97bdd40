package spec

import (
	"strings"

	"github.com/caisson-dev/caisson/agent/internal/names"
	"github.com/caisson-dev/caisson/container"
	"github.com/caisson-dev/caisson/image"
)

// Validate refuses options that can't be on any host, with the field's name and the remedy. The options are as they
// were given, without defaults.
func Validate(o container.Options) error {
	return firstError(
		func() error { return validateNaming(o) },
		func() error { return validateCommand(o) },
		func() error { return ValidateNetwork(o) },
		func() error { return validateLife(o) },
		func() error { return validateEtc(o) },
		func() error { return validateMounts(o.Mounts) },
		func() error { return validateResources(o.Resources) },
		func() error { return validateSecurity(o.Security) },
		func() error { return validateNamespaces(o) },
		func() error { return validateDevices(o.Resources.Devices) },
		func() error { return validateSysctls(o) },
		func() error { return validateHealth(o.Health) },
		func() error { return validateRestart("Options.Lifecycle.Restart", o.Lifecycle.Restart) },
		func() error { return validateLog(o.Log) },
	)
}

// validateNaming checks the image, and what the container and the things in it are called.
func validateNaming(o container.Options) error {
	if o.Image == "" {
		return invalid("Options.Image is empty: name an image")
	}
	if o.Name != "" {
		if err := names.Check("Options.Name", o.Name); err != nil {
			return err
		}
	}
	for _, m := range []struct {
		field string
		keys  map[string]string
	}{{"Labels", o.Labels}, {"Annotations", o.Annotations}} {
		if err := names.CheckLabels("Options."+m.field, m.keys); err != nil {
			return err
		}
	}
	for _, n := range []struct{ field, name string }{{"Hostname", o.Networking.Hostname}, {"Domain", o.Networking.Domain}} {
		if len(n.name) > 63 || strings.ContainsAny(n.name, " /\x00\n") {
			return invalid("Options.Networking.%s %q: it must have at most 63 letters, digits, dots and hyphens", n.field, n.name)
		}
	}
	return nil
}

// validateLife checks when the image is fetched, and how the container stops and goes.
func validateLife(o container.Options) error {
	switch o.Pull {
	case "", image.PullMissing, image.PullAlways, image.PullNever:
	default:
		return invalid("Options.Pull %q: use missing, always or never", o.Pull)
	}
	switch {
	case o.Lifecycle.IdleTimeout < 0:
		return invalid("Options.Lifecycle.IdleTimeout %s: it must not be negative", o.Lifecycle.IdleTimeout)
	case o.Lifecycle.IdleTimeout > 0 && !o.Detach:
		return invalid("Options.Lifecycle.IdleTimeout %s: only a detached container can have an idle timeout: set Detach, or leave it out", o.Lifecycle.IdleTimeout)
	case o.Lifecycle.StopTimeout < 0:
		return invalid("Options.Lifecycle.StopTimeout %s: it must not be negative", o.Lifecycle.StopTimeout)
	}
	if o.Lifecycle.StopSignal != "" {
		if _, err := ParseSignal(o.Lifecycle.StopSignal); err != nil {
			return invalid("Options.Lifecycle.StopSignal: %w", err)
		}
	}
	if o.AutoRemove && o.Lifecycle.Restart.Mode != "" && o.Lifecycle.Restart.Mode != container.RestartNo {
		return invalid("Options.AutoRemove and Restart %q: a removed container can't start again: leave one out", o.Lifecycle.Restart.Mode)
	}
	return nil
}
