//go:build linux

package containers

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/moby/sys/devices"
	"github.com/opencontainers/cgroups/devices/config"
	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/caisson-dev/caisson/container"
)

// validateDevices refuses what can't be, and fills defaults in.
func validateDevices(list []container.Device) error {
	targets := map[string]bool{}
	for i := range list {
		d := &list[i]
		if !filepath.IsAbs(d.Source) {
			return invalid("Options.Resources.Devices[%d].Source %q: it must be an absolute path of the host", i, d.Source)
		}
		if d.Target == "" {
			d.Target = d.Source
		}
		if !filepath.IsAbs(d.Target) || filepath.Clean(d.Target) == "/" {
			return invalid("Options.Resources.Devices[%d].Target %q: it must be absolute and not /", i, d.Target)
		}
		d.Target = filepath.Clean(d.Target)
		if targets[d.Target] {
			return invalid("Options.Resources.Devices[%d].Target %q: another device has it", i, d.Target)
		}
		targets[d.Target] = true
		if d.Permissions == "" {
			d.Permissions = "rwm"
		}
		if strings.Trim(d.Permissions, "rwm") != "" || len(d.Permissions) > 3 {
			return invalid("Options.Resources.Devices[%d].Permissions %q: use r, w and m", i, d.Permissions)
		}
		if _, err := hostDevices(*d); err != nil {
			return invalid("Options.Resources.Devices[%d]: %w", i, err)
		}
	}
	return nil
}

// hostDevices looks a device up, or all below a directory. Their paths are those in the container.
func hostDevices(d container.Device) ([]hostDevice, error) {
	real, err := filepath.EvalSymlinks(d.Source)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("source %q: it does not exist", d.Source)
	}
	if err != nil {
		return nil, err
	}
	st, err := os.Stat(real)
	if err != nil {
		return nil, err
	}
	if !st.IsDir() {
		dev, err := devices.DeviceFromPath(real, d.Permissions)
		if err != nil {
			return nil, fmt.Errorf("source %q: %w", d.Source, err)
		}
		return []hostDevice{{dev, real, d.Target}}, nil
	}
	found, err := devices.GetDevices(real)
	if err != nil {
		return nil, err
	}
	if len(found) == 0 {
		return nil, fmt.Errorf("source %q: there is no device below this directory", d.Source)
	}
	var out []hostDevice
	for _, dev := range found {
		rel, err := filepath.Rel(real, dev.Path)
		if err != nil {
			return nil, err
		}
		dev.Permissions = config.Permissions(d.Permissions)
		out = append(out, hostDevice{dev, dev.Path, filepath.Join(d.Target, rel)})
	}
	return out, nil
}

// hostDevice is a device with its paths on the host and in the container.
type hostDevice struct {
	*config.Device
	source, target string
}

// devices looks up what the options ask for: for a privileged container all that the host has.
func (s *Service) devices(o container.Options) ([]hostDevice, error) {
	list := o.Resources.Devices
	if o.Security.Privileged {
		list = append([]container.Device{{Source: "/dev", Target: "/dev", Permissions: "rwm"}}, list...)
	}
	var out []hostDevice
	for _, d := range list {
		found, err := hostDevices(d)
		if err != nil {
			return nil, invalid("device %s: %w", d.Source, err)
		}
		out = append(out, found...)
	}
	return out, nil
}

// addDevices puts devices into a specification. In a user namespace nobody makes devices: there they are bind mounts,
// whose use the host's permissions rule alone.
func addDevices(s *specs.Spec, in specInput) error {
	rules := deviceRules()
	if in.Record.Options.Security.Privileged {
		rules = []specs.LinuxDeviceCgroup{{Allow: true, Access: "rwm"}}
	}
	seen := map[string]bool{}
	for _, path := range ownDevices {
		seen[path] = true
	}
	for _, d := range in.Devices {
		if seen[d.target] {
			continue // the container has it already, or its own
		}
		seen[d.target] = true
		if in.Rootless {
			s.Mounts = append(s.Mounts, specs.Mount{Destination: d.target, Type: "bind", Source: d.source, Options: []string{"bind", "rprivate", "nosuid", "noexec"}})
			continue
		}
		mode, uid, gid := d.FileMode, d.Uid, d.Gid
		s.Linux.Devices = append(s.Linux.Devices, specs.LinuxDevice{
			Path: d.target, Type: string(d.Type), Major: d.Major, Minor: d.Minor, FileMode: &mode, UID: &uid, GID: &gid,
		})
		rules = append(rules, specs.LinuxDeviceCgroup{
			Allow: true, Type: string(d.Type), Major: &d.Major, Minor: &d.Minor, Access: string(d.Permissions),
		})
	}
	for _, r := range in.Record.Options.Security.DeviceRules {
		rule, err := deviceRule(r)
		if err != nil {
			return err
		}
		rules = append(rules, rule)
	}
	s.Linux.Resources.Devices = rules
	return nil
}

// ownDevices are those that the runtime makes for every container (OCI runtime specification, config-linux, default
// devices).
var ownDevices = []string{
	"/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom", "/dev/tty", "/dev/console", "/dev/ptmx",
}

// deviceRules are Docker's: deny all, then what every container needs. libcontainer adds the devices it makes.
func deviceRules() []specs.LinuxDeviceCgroup {
	allow := func(typ string, major, minor int64, access string) specs.LinuxDeviceCgroup {
		r := specs.LinuxDeviceCgroup{Allow: true, Type: typ, Access: access}
		if major >= 0 {
			r.Major = &major
		}
		if minor >= 0 {
			r.Minor = &minor
		}
		return r
	}
	return []specs.LinuxDeviceCgroup{
		{Allow: false, Access: "rwm"},
		allow("c", -1, -1, "m"), allow("b", -1, -1, "m"), // mknod, not use
		allow("c", 1, 3, "rwm"), allow("c", 1, 5, "rwm"), allow("c", 1, 7, "rwm"), allow("c", 1, 8, "rwm"), allow("c", 1, 9, "rwm"),
		allow("c", 5, 0, "rwm"), allow("c", 5, 2, "rwm"), allow("c", 136, -1, "rwm"),
	}
}
