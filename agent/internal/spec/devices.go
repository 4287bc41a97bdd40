package spec

import (
	"io/fs"
	"path"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/caisson-dev/caisson/agent/internal/host"
	"github.com/caisson-dev/caisson/container"
)

func validateDevices(list []container.Device) error {
	targets := map[string]bool{}
	for i, given := range list {
		d := completeDevice(given)
		switch {
		case !path.IsAbs(d.Source):
			return invalid("Options.Resources.Devices[%d].Source %q: it must be an absolute path of the host", i, d.Source)
		case !path.IsAbs(d.Target) || d.Target == "/":
			return invalid("Options.Resources.Devices[%d].Target %q: it must be absolute and not /", i, given.Target)
		case targets[d.Target]:
			return invalid("Options.Resources.Devices[%d].Target %q: another device has it", i, d.Target)
		case strings.Trim(d.Permissions, "rwm") != "" || len(d.Permissions) > 3:
			return invalid("Options.Resources.Devices[%d].Permissions %q: use r, w and m", i, d.Permissions)
		}
		targets[d.Target] = true
	}
	return nil
}

// Device is a device that a container gets.
type Device struct {
	host.Device
	Target      string // its path in the container
	Permissions string // of r, w and m
}

// DevicesOf are those that a container is to have: all of the host's for a privileged one, and then what it asks for.
func DevicesOf(o container.Options) []container.Device {
	if !o.Security.Privileged {
		return o.Resources.Devices
	}
	return append([]container.Device{{Source: "/dev", Target: "/dev", Permissions: "rwm"}}, o.Resources.Devices...)
}

// Place gives the devices that were found at root, the source of d without links, their places in the container.
func Place(d container.Device, root string, found []host.Device) []Device {
	var out []Device
	for _, f := range found {
		out = append(out, Device{f, path.Join(d.Target, strings.TrimPrefix(f.Path, root)), d.Permissions})
	}
	return out
}

// addDevices puts devices into a specification. In a user namespace nobody makes devices: there they are bind mounts,
// whose use the host's permissions rule alone.
func addDevices(s *specs.Spec, in Input) error {
	rules := deviceRules()
	sec := in.Container.Options.Security
	if sec.Privileged {
		rules = []specs.LinuxDeviceCgroup{{Allow: true, Access: "rwm"}}
	}
	seen := map[string]bool{}
	for _, own := range ownDevices {
		seen[own] = true
	}
	for _, d := range in.Devices {
		if seen[d.Target] {
			continue // the container has it already, or its own
		}
		seen[d.Target] = true
		if in.Host.Rootless {
			s.Mounts = append(s.Mounts, specs.Mount{Destination: d.Target, Type: "bind", Source: d.Path, Options: []string{"bind", "rprivate", "nosuid", "noexec"}})
			continue
		}
		mode := fs.FileMode(d.Mode)
		s.Linux.Devices = append(s.Linux.Devices, specs.LinuxDevice{
			Path: d.Target, Type: d.Type, Major: d.Major, Minor: d.Minor, FileMode: &mode, UID: &d.UID, GID: &d.GID,
		})
		rules = append(rules, specs.LinuxDeviceCgroup{Allow: true, Type: d.Type, Major: &d.Major, Minor: &d.Minor, Access: d.Permissions})
	}
	for _, r := range sec.DeviceRules {
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
