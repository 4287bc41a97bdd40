package request

import (
	"encoding/json"
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/docker/go-units"
	"github.com/moby/moby/api/types/mount"

	"github.com/caisson-dev/caisson/container"
)

func (c *Create) mounts(w *Wanted, known Known) error {
	h := c.HostConfig
	var list []container.Mount
	for _, spec := range h.Binds {
		m, err := Bind(spec)
		if err != nil {
			return err
		}
		list = append(list, m)
	}
	for _, d := range h.Mounts {
		m, labels, err := longMount(d)
		if err != nil {
			return err
		}
		if len(labels) > 0 {
			w.Volumes = append(w.Volumes, container.VolumeOptions{Name: m.Source, Labels: labels})
		}
		list = append(list, m)
	}
	for _, target := range slices.Sorted(maps.Keys(h.Tmpfs)) {
		m, err := tmpfs(target, h.Tmpfs[target])
		if err != nil {
			return err
		}
		list = append(list, m)
	}
	seen := map[string]bool{}
	for _, m := range list {
		if t := path.Clean(m.Target); seen[t] {
			return invalid("Duplicate mount point: %s", m.Target)
		} else {
			seen[t] = true
		}
	}
	// What is named more closely goes before what another container or the image has at the same place.
	for _, from := range h.VolumesFrom {
		more, err := volumesFrom(from, known)
		if err != nil {
			return err
		}
		for _, m := range more {
			if t := path.Clean(m.Target); !seen[t] {
				seen[t] = true
				list = append(list, m)
			}
		}
	}
	for _, target := range slices.Sorted(maps.Keys(c.Volumes)) {
		if t := path.Clean(target); !seen[t] {
			seen[t] = true
			list = append(list, container.Mount{Type: container.MountVolume, Target: target})
		}
	}
	w.Options.Mounts = list
	w.Extra.Host.Binds, w.Extra.Host.VolumesFrom = h.Binds, h.VolumesFrom
	if len(h.Mounts) > 0 {
		var err error
		w.Extra.Host.Mounts, err = json.Marshal(h.Mounts)
		return err
	}
	return nil
}

// volumesFrom are the mounts of another container, CONTAINER[:ro].
func volumesFrom(spec string, known Known) ([]container.Mount, error) {
	ref, mode, _ := strings.Cut(spec, ":")
	if ref == "" || !slices.Contains([]string{"", "ro", "rw", "z", "Z"}, mode) {
		return nil, invalid("invalid volumes-from specification: %q", spec)
	}
	list, err := known.Mounts(ref)
	if err != nil {
		return nil, err
	}
	var out []container.Mount
	for _, m := range list {
		if m.Type == container.MountTmpfs {
			continue
		}
		m.ReadOnly = m.ReadOnly || mode == "ro"
		out = append(out, m)
	}
	return out, nil
}

// Bind reads the form of -v: SOURCE:TARGET[:MODE,…]. A source that is an absolute path is a bind mount, whose directory is
// made if it is not there, and any other the name of a volume.
func Bind(spec string) (container.Mount, error) {
	m := container.Mount{Type: container.MountVolume}
	parts := strings.Split(spec, ":")
	bad := func(why string) (container.Mount, error) {
		return m, invalid("invalid volume specification: '%s': %s", spec, why)
	}
	switch {
	case len(parts) > 3 || len(parts) == 0:
		return bad("it must be SOURCE:TARGET[:MODE]")
	case len(parts) == 1:
		m.Target = parts[0]
	default:
		m.Source, m.Target = parts[0], parts[1]
		if m.Source == "" {
			return bad("the source is empty")
		}
	}
	if !strings.HasPrefix(m.Target, "/") {
		return bad("invalid mount config for type \"volume\": invalid mount path: '" + m.Target + "' mount path must be absolute")
	}
	if path.Clean(m.Target) == "/" {
		return bad("destination can't be '/'")
	}
	if strings.HasPrefix(m.Source, "/") {
		m.Type, m.CreateSource = container.MountBind, true
	} else if strings.ContainsAny(m.Source, `/\`) {
		return bad(`includes invalid characters for a local volume name, only "[a-zA-Z0-9][a-zA-Z0-9_.-]" are allowed. If you intended to pass a host directory, use absolute path`)
	}
	if len(parts) == 3 {
		for _, mode := range strings.Split(parts[2], ",") {
			if err := bindMode(&m, mode); err != "" {
				return bad(err)
			}
		}
	}
	return m, nil
}

func bindMode(m *container.Mount, mode string) (why string) {
	switch p := container.Propagation(mode); p {
	case "ro", "rw":
		m.ReadOnly = mode == "ro"
	case "nocopy":
		m.NoCopy = true
	case "z", "Z", "cached", "delegated", "consistent", "copy": // of SELinux, and of Docker on other systems: nothing to do here
	case container.PropagationPrivate, container.PropagationRPrivate, container.PropagationSlave,
		container.PropagationRSlave, container.PropagationShared, container.PropagationRShared:
		m.Propagation = p
	default:
		return "invalid mode: " + mode
	}
	return ""
}

// longMount reads the form of --mount, and the labels of the volume that it names.
func longMount(d mount.Mount) (container.Mount, map[string]string, error) {
	m := container.Mount{Type: container.MountType(d.Type), Source: d.Source, Target: d.Target, ReadOnly: d.ReadOnly}
	bad := func(format string, args ...any) (container.Mount, map[string]string, error) {
		return m, nil, invalid("invalid mount config for type %q: %w", d.Type, invalid(format, args...))
	}
	switch {
	case d.Target == "":
		return bad("field Target must not be empty")
	case !strings.HasPrefix(d.Target, "/"):
		return bad("invalid mount path: '%s' mount path must be absolute", d.Target)
	case path.Clean(d.Target) == "/":
		return bad("invalid specification: destination can't be '/'")
	case d.BindOptions != nil && d.Type != mount.TypeBind:
		return bad("field BindOptions must not be specified")
	case d.VolumeOptions != nil && d.Type != mount.TypeVolume:
		return bad("field VolumeOptions must not be specified")
	case d.TmpfsOptions != nil && d.Type != mount.TypeTmpfs:
		return bad("field TmpfsOptions must not be specified")
	}
	switch d.Type {
	case mount.TypeBind:
		switch b := d.BindOptions; {
		case d.Source == "":
			return bad("field Source must not be empty")
		case !strings.HasPrefix(d.Source, "/"):
			return bad("invalid mount path: '%s' mount path must be absolute", d.Source)
		case b == nil:
		case b.NonRecursive || b.ReadOnlyNonRecursive:
			return bad("BindOptions.NonRecursive and ReadOnlyNonRecursive are not supported by this engine: leave them out")
		default:
			m.Propagation, m.CreateSource = container.Propagation(b.Propagation), b.CreateMountpoint
		}
	case mount.TypeVolume:
		if v := d.VolumeOptions; v != nil {
			switch {
			case v.Subpath != "":
				return bad("VolumeOptions.Subpath is not supported by this engine: mount the whole volume")
			case v.DriverConfig != nil && v.DriverConfig.Name != "" && v.DriverConfig.Name != "local":
				return bad(`error looking up volume plugin %s: plugin %q not found`, v.DriverConfig.Name, v.DriverConfig.Name)
			case v.DriverConfig != nil && len(v.DriverConfig.Options) > 0:
				return bad("options of the volume driver are not supported by this engine: use a mount of type bind or tmpfs")
			}
			m.NoCopy = v.NoCopy
			if d.Source != "" {
				return m, v.Labels, nil
			}
		}
	case mount.TypeTmpfs:
		if d.Source != "" {
			return bad("field Source must not be specified")
		}
		if t := d.TmpfsOptions; t != nil {
			m.Tmpfs = container.Tmpfs{Size: t.SizeBytes, Mode: uint32(t.Mode)}
			for _, opt := range t.Options {
				m.Tmpfs.Options = append(m.Tmpfs.Options, strings.Join(opt, "="))
			}
		}
	case mount.TypeImage:
		switch {
		case d.Source == "":
			return bad("field Source must not be empty")
		case d.ImageOptions != nil && d.ImageOptions.Subpath != "":
			return bad("ImageOptions.Subpath is not supported by this engine: mount the whole image")
		}
		m.ReadOnly = false // it always is
	default:
		return bad("mount type unknown")
	}
	return m, nil, nil
}

// tmpfs reads the options of --tmpfs; those other than size and mode are those of mount(8).
func tmpfs(target, options string) (container.Mount, error) {
	m := container.Mount{Type: container.MountTmpfs, Target: target}
	if options == "" {
		return m, nil
	}
	for _, option := range strings.Split(options, ",") {
		name, value, _ := strings.Cut(option, "=")
		var err error
		switch name {
		case "size":
			m.Tmpfs.Size, err = units.RAMInBytes(value)
		case "mode":
			var n uint64
			n, err = strconv.ParseUint(value, 8, 32)
			m.Tmpfs.Mode = uint32(n)
		case "ro", "rw":
			m.ReadOnly = name == "ro"
		case "nosuid", "nodev", "noexec": // as it is
		default:
			m.Tmpfs.Options = append(m.Tmpfs.Options, option)
		}
		if err != nil {
			return m, invalid("invalid tmpfs option %q: %w", option, err)
		}
	}
	return m, nil
}
