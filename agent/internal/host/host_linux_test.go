package host

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/moby/sys/mountinfo"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestFind(t *testing.T) {
	h, err := Find()
	require.NoError(t, err)
	assert.NotZero(t, h.Kernel.Major)
	assert.Contains(t, []Cgroups{CgroupsV1, CgroupsHybrid, CgroupsV2}, h.Cgroups)
	t.Setenv("_CONTAINERS_USERNS_CONFIGURED", "done")
	h, err = Find()
	require.NoError(t, err)
	assert.True(t, h.Rootless)
}

func TestPrivate(t *testing.T) {
	at := func(point, optional string) *mountinfo.Info {
		return &mountinfo.Info{Mountpoint: point, Optional: optional}
	}
	for _, c := range []struct {
		name  string
		above []*mountinfo.Info
		want  string
	}{
		{"nothing", nil, ""},
		{"private", []*mountinfo.Info{at("/", "")}, "/"},
		{"shared", []*mountinfo.Info{at("/", "shared:1")}, ""},
		{"slave", []*mountinfo.Info{at("/", "master:1")}, ""},
		{"private below a shared one", []*mountinfo.Info{at("/", "shared:1"), at("/mnt", "")}, "/mnt"},
		{"shared below a private one", []*mountinfo.Info{at("/mnt", "shared:2"), at("/", "")}, ""},
		{"covered", []*mountinfo.Info{at("/mnt", "shared:2"), at("/mnt", "")}, "/mnt"},
	} {
		t.Run(c.name, func(t *testing.T) { assert.Equal(t, c.want, private(c.above)) })
	}
}

func TestDevices(t *testing.T) {
	root, found, err := Devices("/dev/null")
	require.NoError(t, err)
	require.Len(t, found, 1)
	assert.Equal(t, "/dev/null", root)
	assert.Equal(t, []any{"c", int64(1), int64(3)}, []any{found[0].Type, found[0].Major, found[0].Minor})
	link := filepath.Join(t.TempDir(), "null")
	require.NoError(t, os.Symlink("/dev/null", link))
	root, _, err = Devices(link)
	require.NoError(t, err)
	assert.Equal(t, "/dev/null", root, "a link leads to the device")
	_, found, err = Devices("/dev")
	require.NoError(t, err)
	assert.Greater(t, len(found), 3)
	for path, want := range map[string]string{"/no/such": "does not exist", "/etc/passwd": "/etc/passwd", t.TempDir(): "no device below"} {
		_, _, err = Devices(path)
		require.ErrorContains(t, err, want)
	}
}

func TestFindDisk(t *testing.T) {
	_, err := FindDisk("/dev/null")
	require.ErrorContains(t, err, "not a block device")
	_, err = FindDisk("/no/such")
	require.ErrorIs(t, err, os.ErrNotExist)
}

func TestLimits(t *testing.T) {
	online, err := Processors()
	require.NoError(t, err)
	assert.NotEmpty(t, online)
	nodes, err := MemoryNodes()
	require.NoError(t, err)
	assert.NotEmpty(t, nodes)
	_, err = OOMScoreAdj()
	require.NoError(t, err)
	hard, ok := HardLimit("nofile")
	assert.True(t, ok)
	assert.NotZero(t, hard)
	_, ok = HardLimit("files")
	assert.False(t, ok)
}

func TestController(t *testing.T) {
	for _, v := range []Cgroups{CgroupsV1, CgroupsV2} {
		h := Host{Cgroups: v}
		_, err := h.Controller("no-such")
		require.Error(t, err)
		require.Error(t, h.CanLimit("no-such"))
		assert.False(t, h.CgroupFile("no-such", "memory.max"))
	}
}
