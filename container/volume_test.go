package container_test

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/caisson-dev/caisson/container"
	"github.com/caisson-dev/caisson/internal/testenv"
)

func TestVolumeLife(t *testing.T) {
	e := newEngine(t)
	ctx := t.Context()
	begin := time.Now()
	v, err := e.CreateVolume(ctx, container.VolumeOptions{Name: "vol-life", Labels: map[string]string{"a": "b"}})
	require.NoError(t, err)
	assert.Equal(t, "vol-life", v.Name)
	assert.Equal(t, map[string]string{"a": "b"}, v.Labels)
	assert.WithinDuration(t, begin, v.Created, 10*time.Second)
	assert.False(t, v.Anonymous)
	require.DirExists(t, v.Path)
	again, err := e.CreateVolume(ctx, container.VolumeOptions{Name: "vol-life", Labels: map[string]string{"other": ""}})
	require.NoError(t, err)
	assert.Equal(t, v.Labels, again.Labels, "it is what it was")

	mount := container.Mount{Type: container.MountVolume, Source: "vol-life", Target: "/v"}
	c := create(t, e, container.Options{Name: "vol-user", Mounts: []container.Mount{mount}})
	v, err = e.Volume(ctx, "vol-life")
	require.NoError(t, err)
	assert.Equal(t, []string{c.ID()}, v.Containers)
	err = e.RemoveVolume(ctx, "vol-life")
	require.ErrorIs(t, err, container.ErrInUse)
	require.ErrorContains(t, err, "vol-user")
	all, err := e.Volumes(ctx)
	require.NoError(t, err)
	assert.Contains(t, volumeNames(all), "vol-life")

	require.NoError(t, c.Remove(ctx, container.RemoveOptions{}))
	require.NoError(t, e.RemoveVolume(ctx, "vol-life"))
	require.NoDirExists(t, v.Path)
	require.ErrorIs(t, e.RemoveVolume(ctx, "vol-life"), container.ErrNotFound)
	_, err = e.Volume(ctx, "vol-life")
	require.ErrorIs(t, err, container.ErrNotFound)
	for _, bad := range []string{"../x", "a/b", "-x"} {
		_, err = e.CreateVolume(ctx, container.VolumeOptions{Name: bad})
		require.ErrorIs(t, err, container.ErrInvalidArgument, bad)
		require.ErrorIs(t, e.RemoveVolume(ctx, bad), container.ErrNotFound, bad)
	}
	var got []container.EventAction
	for ev, err := range e.Events(ctx, container.EventsOptions{Since: begin, Until: time.Now(), Types: []container.EventType{container.EventVolume}}) {
		require.NoError(t, err)
		if ev.ID == "vol-life" {
			got = append(got, ev.Action)
		}
	}
	assert.Equal(t, []container.EventAction{container.EventCreate, container.EventDestroy}, got)
}

func volumeNames(all []container.Volume) []string {
	var out []string
	for _, v := range all {
		out = append(out, v.Name)
	}
	return out
}

func TestPruneVolumes(t *testing.T) {
	root, _ := killStore(t)
	e := openEngine(t, root)
	ctx := t.Context()
	named, err := e.CreateVolume(ctx, container.VolumeOptions{Name: "named", Labels: map[string]string{"keep": "no"}})
	require.NoError(t, err)
	anonymous, err := e.CreateVolume(ctx, container.VolumeOptions{})
	require.NoError(t, err)
	assert.True(t, anonymous.Anonymous)
	c := create(t, e, container.Options{Mounts: []container.Mount{
		{Type: container.MountVolume, Source: "used", Target: "/u"}, {Type: container.MountVolume, Target: "/own"}, {Type: container.MountVolume, Source: "named", Target: "/n"},
	}})
	require.NoError(t, c.WriteFile(ctx, "/n/x", make([]byte, 1000), 0o644, container.CopyOptions{}))
	res, err := e.PruneVolumes(ctx, container.PruneVolumesOptions{})
	require.NoError(t, err)
	assert.Equal(t, []string{anonymous.Name}, res.Deleted, "neither named ones nor those of a container")
	require.NoError(t, c.Remove(ctx, container.RemoveOptions{}))
	res, err = e.PruneVolumes(ctx, container.PruneVolumesOptions{All: true, Labels: map[string]string{"keep": "yes"}})
	require.NoError(t, err)
	assert.Empty(t, res.Deleted)
	res, err = e.PruneVolumes(ctx, container.PruneVolumesOptions{All: true, Labels: map[string]string{"keep": ""}})
	require.NoError(t, err)
	assert.Equal(t, []string{named.Name}, res.Deleted)
	assert.Equal(t, int64(1000), res.Space)
	all, err := e.Volumes(ctx)
	require.NoError(t, err)
	assert.Equal(t, []string{"used"}, volumeNames(all), "the container's own went with it")
}

// TestVolumeRace: whoever removes volumes while containers are made of them, no container is without its volume.
func TestVolumeRace(t *testing.T) {
	t.Parallel()
	testenv.Slow(t)
	e := newEngine(t)
	ctx := t.Context()
	done := make(chan struct{})
	go func() {
		defer close(done)
		for range 200 {
			_ = e.RemoveVolume(ctx, "vol-race") // in use, or not there
		}
	}()
	for range 10 {
		c := create(t, e, container.Options{Cmd: []string{"write", "/v/x", "y"}, Mounts: []container.Mount{{Type: container.MountVolume, Source: "vol-race", Target: "/v"}}})
		require.NoError(t, c.Start(ctx))
		st, err := c.Wait(ctx)
		require.NoError(t, err)
		assert.Zero(t, st.ExitCode)
		require.NoError(t, c.Remove(ctx, container.RemoveOptions{}))
	}
	<-done
	if err := e.RemoveVolume(ctx, "vol-race"); err != nil {
		require.ErrorIs(t, err, container.ErrNotFound)
	}
}

func TestVolumeOfAnOlderStore(t *testing.T) {
	t.Parallel()
	e := newEngine(t)
	ctx := t.Context()
	v, err := e.CreateVolume(ctx, container.VolumeOptions{Name: "vol-old"})
	require.NoError(t, err)
	require.NoError(t, os.Remove(filepath.Join(filepath.Dir(v.Path), "volume.json")))
	v, err = e.Volume(ctx, "vol-old")
	require.NoError(t, err)
	assert.Equal(t, "vol-old", v.Name)
	require.NoError(t, e.RemoveVolume(ctx, "vol-old"))
}
