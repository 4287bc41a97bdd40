package main

import (
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"
	"github.com/spf13/pflag"

	"github.com/caisson-dev/caisson/container"
)

// securityFlags are those of create and run that change how a container is confined.
type securityFlags struct {
	options        []string
	devices        []string
	pid, ipc, uts  string
	sysctls        []string
	security       container.Security
	groups         []string
	readOnly, init bool
}

func (o *securityFlags) define(flags *pflag.FlagSet) {
	flags.StringArrayVar(&o.security.CapAdd, "cap-add", nil, "add a capability, such as NET_ADMIN or ALL (may be repeated)")
	flags.StringArrayVar(&o.security.CapDrop, "cap-drop", nil, "drop a capability, such as NET_RAW or ALL (may be repeated)")
	flags.BoolVar(&o.security.Privileged, "privileged", false, "give all capabilities and devices, and no seccomp filter")
	flags.StringArrayVar(&o.options, "security-opt", nil, "no-new-privileges, seccomp=unconfined|builtin|FILE, apparmor=PROFILE|unconfined, systempaths=unconfined (may be repeated)")
	flags.StringArrayVar(&o.devices, "device", nil, "device of the host: SOURCE[:TARGET][:rwm] (may be repeated)")
	flags.StringArrayVar(&o.security.DeviceRules, "device-cgroup-rule", nil, "allow the use of devices, such as 'c 10:229 rwm' (may be repeated)")
	flags.StringArrayVar(&o.sysctls, "sysctl", nil, "kernel parameter NAME=VALUE (may be repeated)")
	flags.StringArrayVar(&o.groups, "group-add", nil, "supplementary group by name or number (may be repeated)")
	flags.BoolVar(&o.readOnly, "read-only", false, "make the root file system read-only")
	flags.BoolVar(&o.init, "init", false, "run an init that forwards signals and reaps processes")
	flags.StringVar(&o.pid, "pid", "", "PID namespace: host or container:NAME|ID (default: its own)")
	flags.StringVar(&o.ipc, "ipc", "", "IPC namespace: host, container:NAME|ID, private, shareable, or none: its own without /dev/shm (default: its own)")
	flags.StringVar(&o.uts, "uts", "", "UTS namespace: host (default: its own)")
}

func (o *securityFlags) apply(opts *container.Options) error {
	sysctls, err := pairs("sysctl", o.sysctls)
	if err != nil {
		return err
	}
	opts.Security, opts.Process.Groups = o.security, o.groups
	opts.ReadOnly, opts.Process.Init = o.readOnly, o.init
	if o.ipc == "none" {
		modifySpec(opts, func(s *specs.Spec) {
			s.Mounts = slices.DeleteFunc(s.Mounts, func(m specs.Mount) bool { return m.Destination == "/dev/shm" || m.Destination == "/dev/mqueue" })
		})
	}
	if slices.Contains([]string{"none", "private", "shareable"}, o.ipc) { // every container's own is private and can be shared
		o.ipc = ""
	}
	opts.Namespaces = container.Namespaces{
		PID: container.NamespaceMode(o.pid), IPC: container.NamespaceMode(o.ipc), UTS: container.NamespaceMode(o.uts), Sysctls: sysctls,
	}
	for _, s := range o.options {
		if err := securityOption(&opts.Security, s); err != nil {
			return fmt.Errorf("--security-opt %q: %w", s, err)
		}
	}
	for _, s := range o.devices {
		d, err := device(s)
		if err != nil {
			return fmt.Errorf("--device %q: %w", s, err)
		}
		opts.Resources.Devices = append(opts.Resources.Devices, d)
	}
	return nil
}

func securityOption(s *container.Security, option string) (err error) {
	name, value, has := strings.Cut(option, "=")
	if !has {
		name, value, has = strings.Cut(option, ":") // Docker's form of old
	}
	switch {
	case name == "no-new-privileges":
		s.NoNewPrivileges = true
		if has {
			s.NoNewPrivileges, err = strconv.ParseBool(value)
		}
	case name == "seccomp" && value == "builtin":
		s.Seccomp = ""
	case name == "seccomp" && value == container.Unconfined:
		s.Seccomp = value
	case name == "seccomp" && has:
		var profile []byte
		if profile, err = os.ReadFile(value); err == nil && !json.Valid(profile) {
			err = fmt.Errorf("%s is not a seccomp profile: it is not valid JSON", value)
		}
		s.Seccomp = string(profile)
	case name == "apparmor" && has:
		s.AppArmor = value
	case name == "label" && has: // SELinux's labels: there are none here
	case name == "systempaths" && value == container.Unconfined:
		s.Unmasked = true
	default:
		err = fmt.Errorf("it must be no-new-privileges, seccomp=, apparmor=, label= or systempaths=unconfined")
	}
	return err
}

// device reads SOURCE[:TARGET][:PERMISSIONS].
func device(spec string) (container.Device, error) {
	parts := strings.Split(spec, ":")
	d := container.Device{Source: parts[0]}
	rest := parts[1:]
	if n := len(rest); n > 0 && !strings.HasPrefix(rest[n-1], "/") {
		d.Permissions, rest = rest[n-1], rest[:n-1]
		if d.Permissions == "" || strings.Trim(d.Permissions, "rwm") != "" {
			return d, fmt.Errorf("the permissions %q must be letters of r, w and m", d.Permissions)
		}
	}
	if len(rest) > 1 || d.Source == "" {
		return d, fmt.Errorf("it is SOURCE[:TARGET][:rwm]")
	}
	if len(rest) == 1 {
		d.Target = rest[0]
	}
	return d, nil
}
