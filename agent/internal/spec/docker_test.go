package spec_test

import (
	"slices"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"
	"github.com/stretchr/testify/assert"

	"github.com/caisson-dev/caisson/agent/internal/spec"
	"github.com/caisson-dev/caisson/container"
)

// TestNetworkSysctls: a network of the container's own lets any user listen on any port, and ping.
func TestNetworkSysctls(t *testing.T) {
	const port, ping = "net.ipv4.ip_unprivileged_port_start", "net.ipv4.ping_group_range"
	for name, c := range map[string]struct {
		host string
		o    container.Options
		want map[string]string
	}{
		"default":    {"rootful-v2", container.Options{}, map[string]string{port: "0", ping: "0 2147483647"}},
		"none":       {"rootful-v2", container.Options{Network: container.NetworkNone}, map[string]string{port: "0", ping: "0 2147483647"}},
		"rootless":   {"subordinate-ids", container.Options{}, map[string]string{port: "0"}},
		"the host's": {"rootful-v2", container.Options{Network: container.NetworkHost}, nil},
		"another's":  {"rootful-v2", container.Options{Network: "container:x"}, nil},
		"the user's": {"rootful-v2", container.Options{Namespaces: container.Namespaces{Sysctls: map[string]string{port: "80"}}}, map[string]string{port: "80", ping: "0 2147483647"}},
		"with slashes": {"rootful-v2", container.Options{Namespaces: container.Namespaces{Sysctls: map[string]string{"net.ipv4/ip_unprivileged_port_start": "80"}}},
			map[string]string{"net.ipv4/ip_unprivileged_port_start": "80", ping: "0 2147483647"}},
	} {
		got := makeSpec(t, hosts[c.host], c.o, nil).Linux.Sysctl
		if len(c.want) == 0 {
			assert.Empty(t, got, name)
			continue
		}
		assert.Equal(t, c.want, got, name)
	}
}

// TestTerm: a process with a terminal has TERM, which the image and the options may set.
func TestTerm(t *testing.T) {
	made := func(o container.Options) []string { return makeSpec(t, hosts["rootful-v2"], o, nil).Process.Env }
	assert.Contains(t, made(container.Options{TTY: true}), "TERM=xterm")
	assert.Contains(t, made(container.Options{TTY: true, Env: []string{"TERM=dumb"}}), "TERM=dumb")
	assert.NotContains(t, made(container.Options{}), "TERM=xterm")
	c := &spec.Container{}
	env := func(cmd spec.Command) []string {
		return c.Exec(cmd, specs.User{}, "/", &specs.Process{}, hosts["rootful-v2"]).Env
	}
	assert.Contains(t, env(spec.Command{TTY: true}), "TERM=xterm")
	assert.Contains(t, env(spec.Command{TTY: true, Env: []string{"TERM=vt100"}}), "TERM=vt100")
	assert.NotContains(t, env(spec.Command{}), "TERM=xterm")
}

// TestMountOnEtc: hosts, hostname and resolv.conf are mounted after what would hide them.
func TestMountOnEtc(t *testing.T) {
	for _, m := range []container.Mount{
		{Type: container.MountTmpfs, Target: "/etc"}, {Type: container.MountVolume, Source: "conf", Target: "/etc/"}, {Source: "/srv", Target: "/etc"},
	} {
		made := makeSpec(t, hosts["rootful-v2"], container.Options{Mounts: []container.Mount{
			m, {Type: container.MountTmpfs, Target: "/etc/below"}, {Source: "/x", Target: "/etc/hosts"},
		}}, nil)
		var targets []string
		for _, m := range made.Mounts {
			targets = append(targets, m.Destination)
		}
		at := slices.Index(targets, "/etc")
		assert.Equal(t, []string{"/etc", "/etc/hostname", "/etc/resolv.conf", "/data", "/etc/below", "/etc/hosts"}, targets[at:])
	}
}
