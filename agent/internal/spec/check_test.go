package spec_test

import (
	"errors"
	"net/netip"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/caisson-dev/caisson/agent/internal/host"
	"github.com/caisson-dev/caisson/agent/internal/spec"
	"github.com/caisson-dev/caisson/container"
	"github.com/caisson-dev/caisson/internal/api"
)

// TestCheck: what the host, or its user, does not have is refused, by the field's name.
func TestCheck(t *testing.T) {
	root, user := hosts["rootful-v2"], hosts["subordinate-ids"]
	bind := func(p container.Propagation) container.Options {
		return container.Options{Mounts: []container.Mount{{Type: container.MountTmpfs, Target: "/t"}, {Type: container.MountBind, Source: "/srv", Target: "/srv", Propagation: p}}}
	}
	for _, c := range []struct {
		name string
		host host.Host
		opts container.Options
		set  func(*spec.Facts)
		text string // "": allowed
		want error
	}{
		{"nothing", user, container.Options{}, nil, "", nil},
		{"memory", root, container.Options{Resources: container.Resources{Memory: 64 << 20, MemorySwap: -1}}, nil, "", nil},
		{"memory without rights", user, container.Options{Resources: container.Resources{Memory: 64 << 20}}, nil, "Options.Resources: a limit of memory", api.ErrUnsupported},
		{"no limit of processes without rights", user, container.Options{Resources: container.Resources{PIDs: -1}}, nil, "", nil},
		{"a cgroup without rights", user, container.Options{Resources: container.Resources{CgroupParent: "mine"}}, nil, "Options.Resources: a limit of pids", api.ErrUnsupported},
		{"no controller", root, container.Options{Resources: container.Resources{CPUs: 1}}, func(f *spec.Facts) {
			f.Controllers = map[string]error{"cpu": errors.New("it is not mounted")}
		}, "a limit of cpu: it is not mounted", api.ErrUnsupported},
		{"no account of swap", root, container.Options{Resources: container.Resources{Memory: 64 << 20, MemorySwap: -1}}, func(f *spec.Facts) { f.Swap = false }, "Options.Resources.MemorySwap", api.ErrUnsupported},
		{"no weights", root, container.Options{Resources: container.Resources{BlockIOWeight: 100}}, func(f *spec.Facts) { f.DiskWeights = false }, "Options.Resources.BlockIOWeight", api.ErrUnsupported},
		{"no limits of disks", root, disk("/dev/sda"), func(f *spec.Facts) { f.DiskLimits = false }, "Options.Resources.BlockIO", api.ErrUnsupported},
		{"disk", root, disk("/dev/sda"), nil, "", nil},
		{"the same disk twice", root, disk("/dev/sda", "/dev/disk/by-id/a"), nil, "Options.Resources.BlockIO[1].Device", api.ErrInvalidArgument},
		{"two disks", root, disk("/dev/sda", "/dev/sdb"), func(f *spec.Facts) { f.Disks[1].Minor = 16 }, "", nil},
		{"processors", root, container.Options{Resources: container.Resources{CPUs: 2, CPUSet: "0-1"}}, nil, "", nil},
		{"more processors than there are", root, container.Options{Resources: container.Resources{CPUs: 2.5}}, nil, "Options.Resources.CPUs 2.5", api.ErrInvalidArgument},
		{"a processor that is not online", root, container.Options{Resources: container.Resources{CPUSet: "0,2"}}, nil, "Options.Resources.CPUSet", api.ErrInvalidArgument},
		{"a memory node that is not online", root, container.Options{Resources: container.Resources{MemoryNodes: "1"}}, nil, "Options.Resources.MemoryNodes", api.ErrInvalidArgument},
		{"a lower score", root, container.Options{Resources: container.Resources{OOMScoreAdj: -500}}, nil, "", nil},
		{"a lower score without rights", user, container.Options{Resources: container.Resources{OOMScoreAdj: -500}}, nil, "Options.Resources.OOMScoreAdj", api.ErrUnsupported},
		{"a higher score without rights", user, container.Options{Resources: container.Resources{OOMScoreAdj: 500}}, nil, "", nil},
		{"a capability that the engine lacks", root, container.Options{Security: container.Security{CapAdd: []string{"CAP_SYS_TIME"}}}, nil, "CAP_SYS_TIME", api.ErrUnsupported},
		{"rules of devices without rights", user, container.Options{Security: container.Security{DeviceRules: []string{"c 1:3 r"}}}, nil, "Options.Security.DeviceRules", api.ErrUnsupported},
		{"no AppArmor", root, container.Options{Security: container.Security{AppArmor: "mine"}}, func(f *spec.Facts) { f.AppArmor = false }, "Options.Security.AppArmor", api.ErrUnsupported},
		{"a profile that is loaded", root, container.Options{Security: container.Security{AppArmor: "mine"}}, nil, "", nil},
		{"the host's processes without rights", user, container.Options{Namespaces: container.Namespaces{PID: "host"}}, nil, "Options.Namespaces.PID", api.ErrUnsupported},
		{"bind", root, bind(""), nil, "", nil},
		{"slave", root, bind(container.PropagationRSlave), nil, "", nil},
		{"slave on a private mount", root, bind(container.PropagationRSlave), func(f *spec.Facts) { f.Sources[1].Private = "/" }, "Options.Mounts[1].Propagation", api.ErrInvalidArgument},
		{"private on a private mount", root, bind(container.PropagationPrivate), func(f *spec.Facts) { f.Sources[1].Private = "/" }, "", nil},
		{"no source", root, bind(""), func(f *spec.Facts) { f.Sources[1].Err = errors.New("it does not exist") }, `Options.Mounts[1].Source "/srv": it does not exist`, api.ErrInvalidArgument},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.opts.Image = "app"
			require.NoError(t, spec.Validate(c.opts))
			f := facts(c.host)
			f.Sources, f.Disks = make([]spec.Source, len(c.opts.Mounts)), make([]spec.Disk, len(c.opts.Resources.BlockIO))
			if c.set != nil {
				c.set(&f)
			}
			err := spec.Check(spec.Complete(c.opts), f)
			if c.text == "" {
				require.NoError(t, err)
				return
			}
			require.ErrorIs(t, err, c.want)
			assert.ErrorContains(t, err, c.text)
		})
	}
}

func disk(paths ...string) (o container.Options) {
	for _, p := range paths {
		o.Resources.BlockIO = append(o.Resources.BlockIO, container.BlockIOLimit{Device: p, ReadBPS: 1})
	}
	return o
}

// TestSamePort: which two ports of the host only one container can have.
func TestSamePort(t *testing.T) {
	for _, c := range []struct {
		name string
		a, b container.Port
		same bool
	}{
		{"same", port("", 80), port("", 80), true},
		{"any", port("", 0), port("", 0), false},
		{"other protocol", port("", 80), container.Port{Container: 1, Host: 80, Protocol: "udp"}, false},
		{"other address", port("127.0.0.1", 80), port("127.0.0.2", 80), false},
		{"all addresses", port("0.0.0.0", 80), port("127.0.0.2", 80), true},
		{"all addresses of the other family", port("::", 80), port("127.0.0.1", 80), false},
		{"ranges that touch", container.Port{Container: 1, Host: 80, Count: 3}, port("", 82), true},
		{"a range to choose from", container.Port{Container: 1, Host: 80, HostLast: 82}, port("", 80), false},
		{"ranges that do not", container.Port{Container: 1, Host: 80, Count: 2}, port("", 82), false},
	} {
		t.Run(c.name, func(t *testing.T) {
			for _, ports := range [][]container.Port{{c.a, c.b}, {c.b, c.a}} {
				err := spec.ValidateNetwork(container.Options{Ports: ports})
				if !c.same {
					require.NoError(t, err)
					continue
				}
				require.ErrorContains(t, err, "Options.Ports[1].Host")
			}
		})
	}
}

// port is a port of the host; at "" its address is the default.
func port(at string, number uint16) container.Port {
	p := container.Port{Container: 1, Host: number}
	if at != "" {
		p.HostIP = netip.MustParseAddr(at)
	}
	return p
}
