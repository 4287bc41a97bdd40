//go:build linux

package fork

import (
	"maps"
	"net/netip"
	"slices"

	"github.com/caisson-dev/caisson/container"
	"github.com/caisson-dev/caisson/image"
)

// Options are those of a fork of a container that has the options of and is made of the image imageID. What two
// containers can't both have is not taken over: the name, addresses, and numbers of ports on the host.
func Options(of container.Options, imageID string, want container.ForkOptions) container.Options {
	o := of
	o.Image, o.Pull = imageID, image.PullNever
	o.Name, o.Detach = want.Name, want.Detach
	if !o.Detach {
		o.Lifecycle.IdleTimeout = 0 // that of a detached one
	}
	if len(want.Labels) > 0 {
		o.Labels = maps.Clone(o.Labels)
		if o.Labels == nil {
			o.Labels = map[string]string{}
		}
		maps.Copy(o.Labels, want.Labels)
	}
	o.Mounts = slices.Clone(o.Mounts)
	for i := range o.Mounts {
		if m := &o.Mounts[i]; own(*m) {
			m.Source = ""
		}
	}
	o.Ports = slices.Clone(o.Ports)
	for i := range o.Ports {
		o.Ports[i].Host, o.Ports[i].HostLast = 0, 0
	}
	o.Networking.Endpoints = slices.Clone(o.Networking.Endpoints)
	for i := range o.Networking.Endpoints {
		ep := &o.Networking.Endpoints[i]
		ep.IPv4, ep.IPv6, ep.MAC = netip.Addr{}, netip.Addr{}, ""
	}
	return o
}

// own says whether a fork has a volume of its own in the place of a mount.
func own(m container.Mount) bool { return m.Type == container.MountVolume && !m.ReadOnly }

// pair is a directory whose content becomes that of another.
type pair struct{ from, to string }

// volumes are those of a container that become those of its fork, by the mounts of both. anonymous are the volumes that are the
// fork's alone, and path is where a volume is.
func volumes(of, fork []container.Mount, anonymous []string, path func(name string) string) (pairs []pair) {
	for _, to := range fork {
		if to.Type != container.MountVolume || !slices.Contains(anonymous, to.Source) {
			continue
		}
		for _, from := range of {
			if from.Type == container.MountVolume && from.Target == to.Target {
				pairs = append(pairs, pair{path(from.Source), path(to.Source)})
			}
		}
	}
	return pairs
}
