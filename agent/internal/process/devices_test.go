//go:build linux

package process

import (
	"testing"

	"github.com/opencontainers/runc/libcontainer/specconv"
	"github.com/opencontainers/runtime-spec/specs-go"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestNoTunnels: of libcontainer's devices all but the tunnels' stay, and a rule of the container's own does.
func TestNoTunnels(t *testing.T) {
	t.Parallel()
	number := func(n int64) *int64 { return &n }
	for name, c := range map[string]struct {
		rules []specs.LinuxDeviceCgroup
		want  int
	}{
		"no rules": {nil, 0},
		"its own":  {[]specs.LinuxDeviceCgroup{{Allow: true, Type: "c", Major: number(10), Minor: number(200), Access: "rw"}}, 1},
	} {
		cfg, err := specconv.CreateLibcontainerConfig(&specconv.CreateOpts{CgroupName: "x", Spec: &specs.Spec{
			Root: &specs.Root{Path: "/"}, Process: &specs.Process{}, Linux: &specs.Linux{Resources: &specs.LinuxResources{Devices: c.rules}},
		}})
		require.NoError(t, err)
		before := len(cfg.Cgroups.Resources.Devices)
		NoTunnels(cfg.Cgroups.Resources)
		tunnels := 0
		for _, d := range cfg.Cgroups.Resources.Devices {
			if d.Major == 10 && d.Minor == 200 {
				tunnels++
			}
		}
		assert.Equal(t, c.want, tunnels, name)
		assert.Len(t, cfg.Cgroups.Resources.Devices, before-1, name)
	}
}
