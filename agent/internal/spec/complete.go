package spec

import (
	"path"
	"slices"
	"strings"

	"github.com/caisson-dev/caisson/container"
	"github.com/caisson-dev/caisson/image"
)

// Complete fills in the defaults of valid options that do not depend on the image, and writes names in full.
func Complete(o container.Options) container.Options {
	if o.Pull == "" {
		o.Pull = image.PullMissing
	}
	switch {
	case o.Network == container.NetworkDefault:
		o.Network = ""
	case named(o.Network):
		o.Network, o.Networking.Endpoints = "", []container.Endpoint{{Network: string(o.Network)}}
	}
	o.Mounts = each(o.Mounts, completeMount)
	o.Resources.Devices = each(o.Resources.Devices, completeDevice)
	o.Security.CapAdd = each(o.Security.CapAdd, fullCap)
	o.Security.CapDrop = each(o.Security.CapDrop, fullCap)
	return o
}

func each[T any](in []T, f func(T) T) []T {
	out := slices.Clone(in)
	for i := range out {
		out[i] = f(out[i])
	}
	return out
}

// named says whether a mode is the name of a network.
func named(m container.NetworkMode) bool {
	return m != "" && m != container.NetworkNone && m != container.NetworkHost && !strings.HasPrefix(string(m), "container:")
}

func completeMount(m container.Mount) container.Mount {
	if m.Type == "" {
		m.Type = container.MountBind
	}
	m.Target = path.Clean(m.Target)
	m.ReadOnly = m.ReadOnly || m.Type == container.MountImage
	return m
}

func completeDevice(d container.Device) container.Device {
	if d.Target == "" {
		d.Target = d.Source
	}
	d.Target = path.Clean(d.Target)
	if d.Permissions == "" {
		d.Permissions = "rwm"
	}
	return d
}

// fullCap is a capability's full name, or ALL.
func fullCap(name string) string {
	name = strings.ToUpper(name)
	if name != allCaps && !strings.HasPrefix(name, "CAP_") {
		name = "CAP_" + name
	}
	return name
}
