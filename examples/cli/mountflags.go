package main

import (
	"encoding/csv"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/docker/go-units"
	"github.com/opencontainers/runtime-spec/specs-go"
	"github.com/spf13/pflag"

	"github.com/caisson-dev/caisson/container"
)

// mountFlags are those of create and run that put something into a container.
type mountFlags struct {
	volumes, mounts, tmpfs []string
	driver                 string
	labels                 map[string]map[string]string // of volumes that --mount names, by volume
	long                   []string                     // targets of --mount
}

func (o *mountFlags) define(flags *pflag.FlagSet) {
	flags.StringArrayVarP(&o.volumes, "volume", "v", nil, "bind mount or volume: SOURCE:TARGET[:ro,rslave,nocopy…] (may be repeated)")
	flags.StringArrayVar(&o.mounts, "mount", nil, "mount: type=bind|volume|tmpfs|image,source=SOURCE,target=TARGET,… (may be repeated)")
	flags.StringVar(&o.driver, "volume-driver", "local", "driver of volumes: local is the only one")
	flags.StringArrayVar(&o.tmpfs, "tmpfs", nil, "tmpfs mount: TARGET[:size=64m,mode=1770,…] (may be repeated)")
}

func (o *mountFlags) apply(opts *container.Options) error {
	if o.driver != "local" {
		return fmt.Errorf("--volume-driver %q: local is the only driver: leave the flag out", o.driver)
	}
	o.labels = map[string]map[string]string{}
	for _, flag := range []struct {
		name  string
		specs []string
		parse func(string) (container.Mount, error)
	}{{"-v", o.volumes, mount}, {"--mount", o.mounts, o.longForm(opts)}, {"--tmpfs", o.tmpfs, tmpfs}} {
		for _, spec := range flag.specs {
			m, err := flag.parse(spec)
			if err != nil {
				return fmt.Errorf("%s %q: %w", flag.name, spec, err)
			}
			if flag.name == "--tmpfs" { // the last one of a place counts
				opts.Mounts = slices.DeleteFunc(opts.Mounts, func(o container.Mount) bool { return o.Type == m.Type && o.Target == m.Target })
			}
			if flag.name == "--mount" {
				o.long = append(o.long, m.Target)
			}
			opts.Mounts = append(opts.Mounts, m)
		}
	}
	return nil
}

// mount reads [SOURCE:]TARGET[:OPTION,…]. A source with a slash or a dot in front is a path, any other a volume's name.
func mount(spec string) (container.Mount, error) {
	parts := strings.Split(spec, ":")
	m := container.Mount{Type: container.MountVolume}
	if n := len(parts); n > 2 || n == 2 && mountOption(&container.Mount{}, strings.Split(parts[1], ",")[0]) == nil {
		if err := mountModes(&m, parts[n-1]); err != nil {
			return m, err
		}
		parts = parts[:n-1]
	}
	switch {
	case len(parts) > 2 || parts[len(parts)-1] == "":
		return m, errors.New("it is SOURCE:TARGET[:ro]")
	case len(parts) == 2 && parts[0] == "":
		return m, errors.New("the source is empty")
	case len(parts) == 2:
		m.Source = parts[0]
	}
	m.Target = parts[len(parts)-1]
	if !strings.HasPrefix(m.Target, "/") {
		return m, fmt.Errorf("the target %q is not an absolute path", m.Target)
	}
	if strings.HasPrefix(m.Source, ".") || filepath.IsAbs(m.Source) {
		abs, err := filepath.Abs(m.Source)
		m.Type, m.Source, m.CreateSource = container.MountBind, abs, true // which --mount does not
		return m, err
	}
	if m.Propagation != "" {
		return m, fmt.Errorf("the mode %q is for directories and files of this host, not for volumes", m.Propagation)
	}
	if strings.Contains(m.Source, "/") {
		return m, fmt.Errorf("%q is not a valid volume name: write ./%s for a directory", m.Source, m.Source)
	}
	return m, nil
}

// mountModes reads the modes of -v, of which each kind may be given once. An empty text has none.
func mountModes(m *container.Mount, modes string) error {
	if modes == "" {
		return nil
	}
	seen := map[string]bool{}
	for option := range strings.SplitSeq(modes, ",") {
		if err := mountOption(m, option); err != nil {
			return err
		}
		kind := option
		switch option {
		case "ro", "rw":
			kind = "access"
		case "z", "Z":
			kind = "label"
		case "cached", "delegated", "consistent":
			kind = "consistency"
		case string(m.Propagation):
			kind = "propagation"
		}
		if seen[kind] {
			return fmt.Errorf("the modes %q contradict each other, or one is given twice", modes)
		}
		seen[kind] = true
	}
	return nil
}

func mountOption(m *container.Mount, option string) error {
	switch p := container.Propagation(option); p {
	case "ro", "rw":
		m.ReadOnly = option == "ro"
	case "nocopy":
		m.NoCopy = true
	case "z", "Z", "cached", "delegated", "consistent", "copy": // of SELinux, and of Docker on other systems: nothing to do here
	case container.PropagationPrivate, container.PropagationRPrivate, container.PropagationSlave,
		container.PropagationRSlave, container.PropagationShared, container.PropagationRShared:
		m.Propagation = p
	default:
		return fmt.Errorf("the mode %q is not ro, rw, nocopy, z, Z, cached or a propagation", option)
	}
	return nil
}

// long reads --mount, with what of it is not the mount's own.
func (o *mountFlags) longForm(opts *container.Options) func(string) (container.Mount, error) {
	return func(spec string) (container.Mount, error) {
		m, err := longMount(spec)
		switch {
		case err != nil:
		case len(m.labels) > 0 && (m.Type != container.MountVolume || m.Source == ""):
			err = errors.New("volume-label: add type=volume and the source, which is the name of the volume")
		case len(m.labels) > 0:
			o.labels[m.Source] = m.labels
		case m.flat && m.Type != container.MountBind:
			err = errors.New("bind-nonrecursive is for type=bind")
		case m.flat:
			modifySpec(opts, notRecursive(m.Target))
		}
		return m.Mount, err
	}
}

// modifySpec adds a change of the runtime specification, for what the library has no option for.
func modifySpec(opts *container.Options, change func(*specs.Spec)) {
	before := opts.ModifySpec
	opts.ModifySpec = func(s *specs.Spec) error {
		if before != nil {
			if err := before(s); err != nil {
				return err
			}
		}
		change(s)
		return nil
	}
}

// notRecursive leaves out what is mounted below the source of a bind mount.
func notRecursive(target string) func(*specs.Spec) {
	return func(s *specs.Spec) {
		for i := range s.Mounts {
			for j, option := range s.Mounts[i].Options {
				if s.Mounts[i].Destination == target && option == "rbind" {
					s.Mounts[i].Options[j] = "bind"
				}
			}
		}
	}
}

// longForm is a mount in the form of --mount.
type longForm struct {
	container.Mount
	labels map[string]string // of the volume, if it is made
	flat   bool              // without what is mounted below the source
}

// longMount reads the form of --mount: fields as NAME=VALUE or NAME, separated by commas, as of a line of CSV.
func longMount(spec string) (longForm, error) {
	m := longForm{Mount: container.Mount{Type: container.MountVolume}}
	fields, err := csv.NewReader(strings.NewReader(spec)).Read()
	if err != nil {
		return m, err
	}
	for _, field := range fields {
		name, value, has := strings.Cut(field, "=")
		if err := mountField(&m, strings.ToLower(name), value, has); err != nil {
			return m, err
		}
	}
	if m.Target == "" {
		return m, errors.New("the target is missing")
	}
	if m.Type == container.MountBind && m.Source != "" {
		m.Source, err = filepath.Abs(m.Source)
	}
	return m, err
}

func mountField(m *longForm, name, value string, has bool) (err error) {
	on := func() bool { // alone it is true
		if !has {
			return true
		}
		var is bool
		is, err = strconv.ParseBool(value)
		return is
	}
	switch name {
	case "type":
		m.Type = container.MountType(strings.ToLower(value))
	case "source", "src":
		m.Source = value
	case "target", "dst", "destination":
		m.Target = value
	case "readonly", "ro":
		m.ReadOnly = on()
	case "volume-nocopy":
		m.NoCopy = on()
	case "bind-create-src":
		m.CreateSource = on()
	case "bind-propagation":
		m.Propagation = container.Propagation(value)
	case "consistency": // of Docker on other systems: nothing to do here
	case "bind-nonrecursive":
		m.flat = on()
	case "bind-recursive":
		if value != "enabled" && value != "disabled" {
			return fmt.Errorf("%s: %q is not enabled or disabled", name, value)
		}
		m.flat = value == "disabled"
	case "volume-driver":
		if value != "local" {
			return fmt.Errorf("%s: %q: local is the only driver", name, value)
		}
	case "volume-label":
		label, text, _ := strings.Cut(value, "=")
		if m.labels == nil {
			m.labels = map[string]string{}
		}
		m.labels[label] = text
	case "volume-opt":
		return errors.New("volume-opt: volumes have no options here: use type=bind or type=tmpfs for another file system")
	case "tmpfs-size":
		m.Tmpfs.Size, err = units.RAMInBytes(value)
	case "tmpfs-mode":
		err = octal(&m.Tmpfs.Mode, value)
	default:
		return fmt.Errorf("unknown field %q", name)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}

// tmpfs reads TARGET[:OPTION,…]; options other than size and mode are those of mount(8).
func tmpfs(spec string) (container.Mount, error) {
	target, options, has := strings.Cut(spec, ":")
	m := container.Mount{Type: container.MountTmpfs, Target: target}
	if !has {
		return m, nil
	}
	for _, option := range strings.Split(options, ",") {
		name, value, _ := strings.Cut(option, "=")
		var err error
		switch {
		case name == "size" && strings.HasSuffix(value, "%"):
			m.Tmpfs.Options = append(m.Tmpfs.Options, option)
			continue
		case options == "":
			continue
		}
		switch name {
		case "size":
			m.Tmpfs.Size, err = units.RAMInBytes(value)
		case "mode":
			err = octal(&m.Tmpfs.Mode, value)
		case "ro", "rw":
			m.ReadOnly = name == "ro"
		case "nosuid", "nodev", "noexec": // as it is
		default:
			m.Tmpfs.Options = append(m.Tmpfs.Options, option)
		}
		if err != nil {
			return m, fmt.Errorf("%s: %w", name, err)
		}
	}
	return m, nil
}

func octal(mode *uint32, s string) error {
	n, err := strconv.ParseUint(s, 8, 32)
	*mode = uint32(n)
	return err
}
