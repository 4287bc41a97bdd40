//go:build linux

package volumes_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/caisson-dev/caisson/agent/internal/volumes"
	"github.com/caisson-dev/caisson/agent/internal/wire"
	"github.com/caisson-dev/caisson/agent/internal/wire/wiretest"
	"github.com/caisson-dev/caisson/container"
	"github.com/caisson-dev/caisson/image"
	"github.com/caisson-dev/caisson/internal/api"
)

// room is a service of a temporary directory.
type room struct {
	*volumes.Service
	dir    string
	mux    wire.Mux
	users  map[string][]volumes.User
	events []container.Event
}

func newRoom(t *testing.T) *room {
	r := &room{dir: t.TempDir()}
	require.NoError(t, os.Mkdir(filepath.Join(r.dir, "volumes"), 0o755))
	r.Service = volumes.New(volumes.Config{
		Dir: filepath.Join(r.dir, "volumes"), Lock: filepath.Join(r.dir, "lock"),
		Users: func() (map[string][]volumes.User, error) { return r.users, nil },
		Emit:  func(e container.Event) { r.events = append(r.events, e) },
	})
	r.Routes(&r.mux)
	return r
}

// ask makes a request and returns its error.
func (r *room) ask(t *testing.T, route api.Route, in, out any) error {
	return wiretest.Ask(t, &r.mux, route, in, out)
}

func (r *room) create(t *testing.T, opts container.VolumeOptions) *container.Volume {
	var v container.Volume
	require.NoError(t, r.ask(t, api.VolumeCreate, opts, &v))
	return &v
}

func (r *room) names(t *testing.T) (names []string) {
	var all []container.Volume
	require.NoError(t, r.ask(t, api.VolumeList, nil, &all))
	for _, v := range all {
		names = append(names, v.Name)
	}
	return names
}

func TestLife(t *testing.T) {
	t.Parallel()
	r := newRoom(t)
	v := r.create(t, container.VolumeOptions{Name: "data", Labels: map[string]string{"a": "b"}})
	assert.Equal(t, "data", v.Name)
	assert.Equal(t, r.Path("data"), v.Path)
	assert.False(t, v.Anonymous)
	assert.DirExists(t, v.Path)
	st, err := os.Stat(v.Path)
	require.NoError(t, err)
	assert.EqualValues(t, 0o755, st.Mode().Perm())

	again := r.create(t, container.VolumeOptions{Name: "data", Labels: map[string]string{"c": "d"}})
	assert.Equal(t, v, again, "one that exists is returned as it is")
	anonymous := r.create(t, container.VolumeOptions{})
	assert.True(t, anonymous.Anonymous)
	assert.ElementsMatch(t, []string{"data", anonymous.Name}, r.names(t))

	require.NoError(t, r.ask(t, api.VolumeRemove, api.Name{Name: "data"}, nil))
	require.ErrorIs(t, r.ask(t, api.VolumeGet, api.Name{Name: "data"}, nil), api.ErrNotFound)
	require.ErrorIs(t, r.ask(t, api.VolumeRemove, api.Name{Name: "data"}, nil), api.ErrNotFound)
	require.ErrorIs(t, r.ask(t, api.VolumeGet, api.Name{Name: "../volumes"}, nil), api.ErrNotFound)
	var kinds []container.EventAction
	for _, e := range r.events {
		assert.Equal(t, container.EventVolume, e.Type)
		kinds = append(kinds, e.Action)
	}
	assert.Equal(t, []container.EventAction{container.EventCreate, container.EventCreate, container.EventDestroy}, kinds)
}

// TestDamage: a description that can't be read harms its volume's labels alone.
func TestDamage(t *testing.T) {
	t.Parallel()
	r := newRoom(t)
	r.create(t, container.VolumeOptions{Name: "bad", Labels: map[string]string{"a": "b"}})
	r.create(t, container.VolumeOptions{Name: "good"})
	require.NoError(t, os.WriteFile(filepath.Join(filepath.Dir(r.Path("bad")), "volume.json"), nil, 0o600))
	assert.ElementsMatch(t, []string{"bad", "good"}, r.names(t))
	var v container.Volume
	require.NoError(t, r.ask(t, api.VolumeGet, api.Name{Name: "bad"}, &v))
	assert.Contains(t, v.Damaged, "volume.json")
	assert.Equal(t, r.Path("bad"), v.Path)
	require.NoError(t, r.ask(t, api.VolumeRemove, api.Name{Name: "bad"}, nil))
	assert.Equal(t, []string{"good"}, r.names(t))
}

func TestCreateRefuses(t *testing.T) {
	t.Parallel()
	r := newRoom(t)
	for field, opts := range map[string]container.VolumeOptions{
		"VolumeOptions.Name":   {Name: "../x"},
		"VolumeOptions.Labels": {Name: "x1", Labels: map[string]string{"": "x"}},
	} {
		err := r.ask(t, api.VolumeCreate, opts, nil)
		require.ErrorIs(t, err, api.ErrInvalidArgument)
		assert.ErrorContains(t, err, field)
	}
	assert.Empty(t, r.names(t))
}

func TestInUse(t *testing.T) {
	t.Parallel()
	r := newRoom(t)
	r.create(t, container.VolumeOptions{Name: "data"})
	r.users = map[string][]volumes.User{"data": {{ID: "0123456789abcdef", Name: "db"}, {ID: "1", Name: "web"}}}
	var v container.Volume
	require.NoError(t, r.ask(t, api.VolumeGet, api.Name{Name: "data"}, &v))
	assert.Equal(t, []string{"0123456789abcdef", "1"}, v.Containers)
	err := r.ask(t, api.VolumeRemove, api.Name{Name: "data"}, nil)
	require.ErrorIs(t, err, api.ErrInUse)
	assert.ErrorContains(t, err, "container db (0123456789ab) mounts it")
	assert.DirExists(t, r.Path("data"))
}

func TestPrune(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		opts container.PruneVolumesOptions
		gone []string
	}{
		"anonymous": {container.PruneVolumesOptions{}, []string{"anonymous"}},
		"all":       {container.PruneVolumesOptions{All: true}, []string{"anonymous", "named", "labelled"}},
		"labels":    {container.PruneVolumesOptions{All: true, Labels: map[string]string{"a": ""}}, []string{"labelled"}},
		"none":      {container.PruneVolumesOptions{All: true, Labels: map[string]string{"a": "2"}}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRoom(t)
			require.NoError(t, r.Make(t.Context(), []container.Mount{
				{Type: container.MountVolume, Source: "anonymous"}, {Type: container.MountVolume, Source: "used"}, {Type: container.MountTmpfs},
			}, []string{"anonymous", "used"}, false))
			r.create(t, container.VolumeOptions{Name: "named"})
			r.create(t, container.VolumeOptions{Name: "labelled", Labels: map[string]string{"a": "1"}})
			r.users = map[string][]volumes.User{"used": {{ID: "1"}}}
			require.NoError(t, os.WriteFile(filepath.Join(r.Path("anonymous"), "x"), make([]byte, 10000), 0o600))
			var res container.PruneResult
			require.NoError(t, r.ask(t, api.VolumePrune, c.opts, &res))
			assert.ElementsMatch(t, c.gone, res.Deleted)
			if name == "anonymous" {
				assert.GreaterOrEqual(t, res.Space, int64(10000))
			}
			assert.Contains(t, r.names(t), "used")
		})
	}
}

func TestNameAnonymous(t *testing.T) {
	t.Parallel()
	mounts := []container.Mount{
		{Type: container.MountVolume, Target: "/a"},
		{Type: container.MountVolume, Source: "data", Target: "/b"},
		{Type: container.MountTmpfs, Target: "/c"},
		{Type: container.MountVolume, Target: "/d"},
	}
	made := volumes.NameAnonymous(mounts)
	require.Len(t, made, 2)
	assert.Equal(t, []string{made[0], "data", "", made[1]}, []string{mounts[0].Source, mounts[1].Source, mounts[2].Source, mounts[3].Source})
	assert.Empty(t, volumes.NameAnonymous(mounts), "all have names now")
}

func TestMakeAndDrop(t *testing.T) {
	t.Parallel()
	r := newRoom(t)
	mounts := []container.Mount{{Type: container.MountVolume, Source: "mine"}, {Type: container.MountVolume, Source: "ours"}}
	require.NoError(t, r.Make(t.Context(), mounts, []string{"mine"}, false))
	require.NoError(t, r.Make(t.Context(), mounts, []string{"mine"}, false), "they are there")
	var v container.Volume
	require.NoError(t, r.ask(t, api.VolumeGet, api.Name{Name: "mine"}, &v))
	assert.True(t, v.Anonymous)
	require.NoError(t, r.Drop([]string{"mine", "gone"}))
	assert.Equal(t, []string{"ours"}, r.names(t))
}

func TestPrepare(t *testing.T) {
	t.Parallel()
	rootfs := t.TempDir()
	require.NoError(t, os.MkdirAll(filepath.Join(rootfs, "srv/data"), 0o750))
	require.NoError(t, os.WriteFile(filepath.Join(rootfs, "srv/data/x"), []byte("of the image"), 0o640))
	require.NoError(t, os.WriteFile(filepath.Join(rootfs, "file"), nil, 0o600))
	require.NoError(t, os.Symlink("/srv/data", filepath.Join(rootfs, "link")))
	for name, c := range map[string]struct {
		mount  container.Mount
		filled bool
	}{
		"directory":  {container.Mount{Target: "/srv/data"}, true},
		"link":       {container.Mount{Target: "/link"}, true},
		"no copy":    {container.Mount{Target: "/srv/data", NoCopy: true}, false},
		"not there":  {container.Mount{Target: "/none"}, false},
		"not a dir.": {container.Mount{Target: "/file"}, false},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRoom(t)
			c.mount.Type, c.mount.Source = container.MountVolume, "data"
			require.NoError(t, r.Make(t.Context(), []container.Mount{c.mount}, nil, false))
			for range 2 {
				dir, err := r.Prepare(c.mount, rootfs)
				require.NoError(t, err)
				assert.Equal(t, r.Path("data"), dir)
				assert.Equal(t, c.filled, exists(filepath.Join(dir, "x")))
			}
			if c.filled {
				st, err := os.Stat(r.Path("data"))
				require.NoError(t, err)
				assert.EqualValues(t, 0o750, st.Mode().Perm(), "the image's mode")
				require.NoError(t, os.WriteFile(filepath.Join(r.Path("data"), "y"), nil, 0o600))
				require.NoError(t, os.Remove(filepath.Join(r.Path("data"), "x")))
				_, err = r.Prepare(c.mount, rootfs)
				require.NoError(t, err)
				assert.NoFileExists(t, filepath.Join(r.Path("data"), "x"), "it is filled only while it is empty")
			}
		})
	}
	_, err := newRoom(t).Prepare(container.Mount{Source: "none"}, rootfs)
	require.ErrorIs(t, err, os.ErrNotExist)
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}

func TestMakeSources(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "file"), nil, 0o600))
	require.NoError(t, volumes.MakeSources([]container.Mount{{Source: filepath.Join(dir, "no")}, {Source: filepath.Join(dir, "a/b"), CreateSource: true}}))
	assert.DirExists(t, filepath.Join(dir, "a/b"))
	assert.NoDirExists(t, filepath.Join(dir, "no"))
	require.NoError(t, os.Symlink("file", filepath.Join(dir, "link")))
	for _, name := range []string{"file", "link", "a"} {
		before, err := os.Lstat(filepath.Join(dir, name))
		require.NoError(t, err)
		require.NoError(t, volumes.MakeSources([]container.Mount{{Source: filepath.Join(dir, name), CreateSource: true}}), "what is there stays")
		after, err := os.Lstat(filepath.Join(dir, name))
		require.NoError(t, err)
		assert.Equal(t, before.Mode(), after.Mode(), name)
	}
	err := volumes.MakeSources([]container.Mount{{}, {Source: filepath.Join(dir, "file/x"), CreateSource: true}})
	require.ErrorIs(t, err, api.ErrInvalidArgument)
	assert.ErrorContains(t, err, "Options.Mounts[1].Source")
}

func TestMeasure(t *testing.T) {
	t.Parallel()
	r := newRoom(t)
	r.create(t, container.VolumeOptions{Name: "used"})
	r.create(t, container.VolumeOptions{Name: "free"})
	require.NoError(t, os.WriteFile(filepath.Join(r.Path("free"), "x"), make([]byte, 10000), 0o600))
	r.users = map[string][]volumes.User{"used": {{ID: "1"}}}
	var u image.Usage[image.VolumeUsage]
	require.NoError(t, r.Measure(t.Context(), &u))
	require.Len(t, u.Items, 2)
	assert.Equal(t, 1, u.Active)
	assert.Equal(t, u.Items[0].Size, u.Reclaimable) // free comes before used
	assert.Equal(t, u.Items[0].Size+u.Items[1].Size, u.Size)
	assert.GreaterOrEqual(t, u.Reclaimable, int64(10000))
}

// TestMend: a volume whose description can't be read is found by its name, and a new description leaves what is in it.
func TestMend(t *testing.T) {
	t.Parallel()
	r := newRoom(t)
	r.create(t, container.VolumeOptions{Name: "sound", Labels: map[string]string{"a": "b"}})
	v := r.create(t, container.VolumeOptions{Name: "broken", Labels: map[string]string{"a": "b"}})
	require.NoError(t, os.WriteFile(filepath.Join(v.Path, "file"), []byte("x"), 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(filepath.Dir(v.Path), "volume.json"), nil, 0o600))
	damaged, err := r.Damaged()
	require.NoError(t, err)
	require.Len(t, damaged, 1)
	assert.Equal(t, "broken", damaged[0].Name)
	assert.Contains(t, damaged[0].Damaged, "volume.json")
	require.NoError(t, r.Mend(t.Context(), "broken"))
	require.NoError(t, r.Mend(t.Context(), "sound"))
	require.ErrorIs(t, r.Mend(t.Context(), "none"), api.ErrNotFound)
	damaged, err = r.Damaged()
	require.NoError(t, err)
	assert.Empty(t, damaged)
	assert.FileExists(t, filepath.Join(v.Path, "file"))
	var got container.Volume
	require.NoError(t, r.ask(t, api.VolumeGet, api.Name{Name: "broken"}, &got))
	assert.Empty(t, got.Labels)
	assert.False(t, got.Anonymous)
	require.NoError(t, r.ask(t, api.VolumeGet, api.Name{Name: "sound"}, &got))
	assert.Equal(t, map[string]string{"a": "b"}, got.Labels)
}
