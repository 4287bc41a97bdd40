package main

import (
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/caisson-dev/caisson/container"
)

func TestMount(t *testing.T) {
	here, err := filepath.Abs("here")
	require.NoError(t, err)
	for _, tc := range []struct {
		spec string
		want container.Mount
		err  string
	}{
		{"/a:/b", container.Mount{Type: container.MountBind, Source: "/a", Target: "/b", CreateSource: true}, ""},
		{"/a:/b:ro", container.Mount{Type: container.MountBind, Source: "/a", Target: "/b", CreateSource: true, ReadOnly: true}, ""},
		{"/a:/b:rw", container.Mount{Type: container.MountBind, Source: "/a", Target: "/b", CreateSource: true}, ""},
		{"./here:/b", container.Mount{Type: container.MountBind, Source: here, Target: "/b", CreateSource: true}, ""},
		{"data:/b", container.Mount{Type: container.MountVolume, Source: "data", Target: "/b"}, ""},
		{"/b", container.Mount{Type: container.MountVolume, Target: "/b"}, ""},
		{"/b:ro", container.Mount{Type: container.MountVolume, Target: "/b", ReadOnly: true}, ""},
		{"/b:ro,nocopy", container.Mount{Type: container.MountVolume, Target: "/b", ReadOnly: true, NoCopy: true}, ""},
		{"/a:/b:ro,rslave", container.Mount{Type: container.MountBind, Source: "/a", Target: "/b", CreateSource: true, ReadOnly: true, Propagation: container.PropagationRSlave}, ""},
		{"/a:b", container.Mount{}, "not an absolute path"},
		{"a/b:/c", container.Mount{}, "is not a valid volume name"},
		{"/a:/b:/c", container.Mount{}, "mode"},
		{"/a:/b:ro:x", container.Mount{}, "mode"},
		{":/b", container.Mount{}, "source is empty"},
		{"", container.Mount{}, "SOURCE:TARGET"},
		{"a:", container.Mount{}, "SOURCE:TARGET"},
	} {
		t.Run(tc.spec, func(t *testing.T) {
			got, err := mount(tc.spec)
			if tc.err != "" {
				require.ErrorContains(t, err, tc.err)
				return
			}
			require.NoError(t, err)
			require.Equal(t, tc.want, got)
		})
	}
}

func TestLongMount(t *testing.T) {
	here, err := filepath.Abs("here")
	require.NoError(t, err)
	for spec, want := range map[string]container.Mount{
		"target=/a": {Type: container.MountVolume, Target: "/a"},
		"type=volume,source=d,dst=/a,volume-nocopy": {Type: container.MountVolume, Source: "d", Target: "/a", NoCopy: true},
		"type=bind,src=here,destination=/a,ro":      {Type: container.MountBind, Source: here, Target: "/a", ReadOnly: true},
		"type=bind,src=/s,dst=/a,readonly=false,bind-propagation=rslave,bind-create-src": {
			Type: container.MountBind, Source: "/s", Target: "/a", Propagation: container.PropagationRSlave, CreateSource: true,
		},
		`type=bind,"src=/a,b",dst=/a`:                     {Type: container.MountBind, Source: "/a,b", Target: "/a"},
		"type=tmpfs,dst=/a,tmpfs-size=1m,tmpfs-mode=1770": {Type: container.MountTmpfs, Target: "/a", Tmpfs: container.Tmpfs{Size: 1 << 20, Mode: 0o1770}},
		"type=image,src=box,dst=/a":                       {Type: container.MountImage, Source: "box", Target: "/a"},
	} {
		got, err := longMount(spec)
		require.NoError(t, err, spec)
		require.Equal(t, want, got.Mount, spec)
	}
	got, err := tmpfs("/a:size=64k,mode=700,noexec,exec,uid=5,ro")
	require.NoError(t, err)
	require.Equal(t, container.Mount{
		Type: container.MountTmpfs, Target: "/a", ReadOnly: true, Tmpfs: container.Tmpfs{Size: 64 << 10, Mode: 0o700, Options: []string{"exec", "uid=5"}},
	}, got)
}
