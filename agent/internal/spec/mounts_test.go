package spec_test

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/caisson-dev/caisson/container"
)

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
