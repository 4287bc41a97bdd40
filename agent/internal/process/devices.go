//go:build linux

package process

import (
	"slices"

	"github.com/opencontainers/cgroups"
	devices "github.com/opencontainers/cgroups/devices/config"
)

// NoTunnels takes back the rule by which libcontainer lets every container open the device of network tunnels,
// /dev/net/tun, as the last of those that it adds. A rule of the container's own for that device stays.
func NoTunnels(r *cgroups.Resources) {
	for i, d := range slices.Backward(r.Devices) {
		if d.Type == devices.CharDevice && d.Major == 10 && d.Minor == 200 {
			r.Devices = slices.Delete(slices.Clone(r.Devices), i, i+1)
			return
		}
	}
}
