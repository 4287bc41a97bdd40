package main

import (
	"testing"

	docker "github.com/docker/docker/api/types/container"
	dockermount "github.com/docker/docker/api/types/mount"
	"github.com/spf13/pflag"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/caisson-dev/caisson/container"
)

// TestMountsOfFlags: inspect tells apart what --mount, -v and --tmpfs made, and the ports of -p and -P; values of docker 20.10.
func TestMountsOfFlags(t *testing.T) {
	flags := pflag.NewFlagSet("create", pflag.ContinueOnError)
	o := newCreateFlags(flags)
	require.NoError(t, flags.Parse([]string{
		"-v", "data:/data:ro", "-v", "/etc:/tree:rprivate", "-v", "/anon", "--tmpfs", "/t:size=1m",
		"--mount", "type=tmpfs,dst=/mt,tmpfs-size=1m,tmpfs-mode=1770", "--mount", "type=volume,src=named,dst=/mv,readonly",
		"--mount", "type=bind,src=/etc,dst=/mb,readonly,bind-propagation=rslave", "-P", "-p", "127.0.0.1:8000-8003:80", "--annotation", "a=b",
	}))
	opts, err := o.options([]string{"image"}, t.Output())
	require.NoError(t, err)
	opts.Ports = append(opts.Ports, container.Port{Container: 90, Count: 1}) // as -P adds those of the image
	h := hostConfig(opts)
	assert.Equal(t, []string{"data:/data:ro", "/etc:/tree:rprivate"}, h.Binds)
	assert.Equal(t, []dockermount.Mount{
		{Type: "volume", Source: "named", Target: "/mv", ReadOnly: true},
		{Type: "bind", Source: "/etc", Target: "/mb", ReadOnly: true, BindOptions: &dockermount.BindOptions{Propagation: "rslave"}},
		{Type: "tmpfs", Target: "/mt", TmpfsOptions: &dockermount.TmpfsOptions{SizeBytes: 1 << 20, Mode: 0o1770}},
	}, sortedMounts(h.Mounts))
	assert.Equal(t, map[string]string{"/t": "size=1048576"}, h.Tmpfs)
	assert.True(t, h.PublishAllPorts)
	require.Len(t, h.PortBindings, 1)
	assert.Equal(t, "8000-8003", h.PortBindings["80/tcp"][0].HostPort)
	assert.Equal(t, map[string]string{"a": "b"}, h.Annotations, "the note is this program's own")

	shown := map[string]docker.MountPoint{}
	for _, m := range mountsJSON(&container.Info{Options: opts, Mounts: opts.Mounts}, nil) {
		shown[m.Destination] = m
	}
	assert.NotContains(t, shown, "/t", "as in Docker, HostConfig.Tmpfs has it")
	assert.Equal(t, docker.MountPoint{Type: "tmpfs", Destination: "/mt", RW: true}, shown["/mt"])
	assert.Equal(t, "ro", shown["/data"].Mode)
	assert.Equal(t, "z", shown["/mv"].Mode)
	assert.Equal(t, "rprivate", shown["/tree"].Mode)
	assert.Empty(t, shown["/mb"].Mode)
}

// sortedMounts has the volume first, then the directory, then the memory.
func sortedMounts(in []dockermount.Mount) (out []dockermount.Mount) {
	for _, kind := range []dockermount.Type{"volume", "bind", "tmpfs"} {
		for _, m := range in {
			if m.Type == kind {
				out = append(out, m)
			}
		}
	}
	return out
}
