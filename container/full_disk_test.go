//go:build linux

package container_test

import (
	"archive/tar"
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"testing/fstest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/caisson-dev/caisson/container"
	"github.com/caisson-dev/caisson/image"
	"github.com/caisson-dev/caisson/internal/testenv"
)

// smallDisks are small file systems, mounted until the end of the test.
var smallDisks = map[string]func(t *testing.T) (dir string){
	"tmpfs": func(t *testing.T) string {
		dir := t.TempDir()
		require.NoError(t, unix.Mount("tmpfs", dir, "tmpfs", 0, "size=48m"))
		t.Cleanup(func() { require.NoError(t, unix.Unmount(dir, 0), "nothing uses it any more") })
		return dir
	},
	"ext4": func(t *testing.T) string { return testenv.NewDisk(t, 64<<20).Dir },
}

// onSmallDisks runs a test with a store on each of the small file systems.
func onSmallDisks(t *testing.T, f func(t *testing.T, root string)) {
	t.Parallel()
	testenv.Slow(t)
	testenv.Root(t)
	for name, mount := range smallDisks {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			root := filepath.Join(mount(t), "store")
			t.Cleanup(func() { destroy(t, root) })
			store, err := image.OpenStore(image.StoreOptions{Root: root})
			require.NoError(t, err)
			buildImage(t, store, testImage, dockerfile)
			require.NoError(t, store.Close())
			f(t, root)
		})
	}
}

// TestGorging: the store of a container that fills the disk, and takes what becomes free, can be opened, its containers
// listed, and the container be stopped or removed.
func TestGorging(t *testing.T) {
	onSmallDisks(t, func(t *testing.T, root string) {
		ctx := t.Context()
		const killed = "after the agent was killed"
		for name, end := range map[string]func(c *container.Container) error{
			"stop": func(c *container.Container) error {
				if err := c.Stop(ctx, container.StopOptions{Timeout: time.Millisecond}); err != nil {
					return err
				}
				st, err := c.Wait(ctx)
				assert.Equal(t, container.StatusExited, st.Status)
				return err
			},
			"force": func(c *container.Container) error { return nil },
			"kill":  func(c *container.Container) error { return c.Kill(ctx, "KILL") },
			killed:  func(c *container.Container) error { return nil },
		} {
			mark := t.TempDir()
			e := openEngine(t, root)
			_, err := e.Start(ctx, container.Options{
				Image: testImage, Name: "gorge", Detach: true, Cmd: []string{"gorge", "/", "/mark/full"},
				Mounts: []container.Mount{{Type: container.MountBind, Source: mark, Target: "/mark"}},
			})
			require.NoError(t, err, name)
			require.NoError(t, e.Store().Close())
			require.Eventually(t, func() bool {
				_, err := os.Stat(filepath.Join(mark, "full"))
				return err == nil
			}, time.Minute, 10*time.Millisecond)

			want := container.StatusRunning
			if name == killed {
				for _, pid := range agentsOf(t, root) {
					require.NoError(t, unix.Kill(pid, unix.SIGKILL))
				}
				want = container.StatusExited
			}
			e = openEngine(t, root)
			infos, err := e.List(ctx, container.ListOptions{All: true})
			require.NoError(t, err, name)
			require.Len(t, infos, 1)
			assert.Equal(t, want, infos[0].State.Status)
			imgs, err := e.Store().List(ctx, image.ListOptions{})
			require.NoError(t, err)
			require.Len(t, imgs, 1)
			c, err := e.Get(ctx, "gorge")
			require.NoError(t, err)
			require.NoError(t, end(c), name)
			require.NoError(t, c.Remove(ctx, container.RemoveOptions{Force: true}), name)
			c, err = e.Start(ctx, container.Options{Image: testImage, Cmd: []string{"write", "/f", "there is room"}})
			require.NoError(t, err, name)
			st, err := c.Wait(ctx)
			require.NoError(t, err)
			assert.Zero(t, st.ExitCode)
			require.NoError(t, c.Remove(ctx, container.RemoveOptions{}))
			require.NoError(t, e.Store().Close())
			assert.DirExists(t, filepath.Join(root, "reserve"), "it is kept for the next time")
		}
	})
}

// TestFreeAFullDisk: a disk that something else has filled can be freed of everything that a store has, and what adds
// to it says so and leaves nothing.
func TestFreeAFullDisk(t *testing.T) {
	onSmallDisks(t, func(t *testing.T, root string) {
		ctx := t.Context()
		e := openEngine(t, root)
		for _, name := range []string{"one", "two"} {
			_, err := e.Create(ctx, container.Options{Image: testImage, Name: name, Detach: true})
			require.NoError(t, err)
			_, err = e.CreateVolume(ctx, container.VolumeOptions{Name: name})
			require.NoError(t, err)
			_, err = e.CreateNetwork(ctx, container.NetworkOptions{Name: name})
			require.NoError(t, err)
			buildImage(t, e.Store(), name, dockerfile+"COPY note /"+name+"\n")
		}
		before := kept(t, root)
		require.NoError(t, e.Store().Close())
		gorge(t, filepath.Dir(root))

		e = openEngine(t, root)
		s := e.Store()
		var rootfs bytes.Buffer
		w := tar.NewWriter(&rootfs)
		require.NoError(t, w.WriteHeader(&tar.Header{Name: "f", Typeflag: tar.TypeReg, Size: 1 << 20, Mode: 0o644}))
		_, err := w.Write(bytes.Repeat([]byte{1}, 1<<20))
		require.NoError(t, err)
		require.NoError(t, w.Close())
		_, err = s.Import(ctx, &rootfs, image.ImportOptions{})
		require.ErrorIs(t, err, image.ErrNoSpace)
		_, err = s.Build(ctx, image.BuildOptions{Context: fstest.MapFS{"f": {Data: bytes.Repeat([]byte{1}, 1<<20)}}, DockerfileText: "FROM scratch\nCOPY f /f\n"})
		require.ErrorIs(t, err, image.ErrNoSpace)
		assert.Equal(t, before, kept(t, root))

		c, err := e.Get(ctx, "one")
		require.NoError(t, err)
		require.NoError(t, c.Remove(ctx, container.RemoveOptions{}))
		_, err = e.Prune(ctx, container.PruneOptions{})
		require.NoError(t, err)
		require.NoError(t, e.RemoveVolume(ctx, "one"))
		_, err = e.PruneVolumes(ctx, container.PruneVolumesOptions{All: true})
		require.NoError(t, err)
		require.NoError(t, e.RemoveNetwork(ctx, "one"))
		_, err = e.PruneNetworks(ctx)
		require.NoError(t, err)
		require.NoError(t, s.Untag(ctx, "two"))
		_, err = s.Remove(ctx, "one", image.RemoveOptions{})
		require.NoError(t, err)
		_, err = s.Prune(ctx, image.PruneOptions{All: true})
		require.NoError(t, err)
		imgs, err := s.List(ctx, image.ListOptions{All: true})
		require.NoError(t, err)
		assert.Empty(t, imgs)
		res, err := s.Check(ctx, image.CheckOptions{})
		require.NoError(t, err)
		assert.Empty(t, res.Problems)
	})
}

// kept are the containers, layers, images, names and volumes that a store has. The driver's own directories are no layers.
func kept(t *testing.T, root string) (all []string) {
	t.Helper()
	for _, dir := range []string{"containers", "storage/overlay", "storage/overlay-images", "names", "volumes"} {
		list, err := os.ReadDir(filepath.Join(root, dir))
		require.NoError(t, err)
		for _, e := range list {
			if dir != "storage/overlay" || len(e.Name()) == 64 {
				all = append(all, dir+"/"+e.Name())
			}
		}
	}
	return all
}

// gorge fills a file system, and empties it at the end of the test.
func gorge(t *testing.T, dir string) {
	t.Helper()
	filler := filepath.Join(dir, "filler")
	require.NoError(t, os.Mkdir(filler, 0o700))
	t.Cleanup(func() { require.NoError(t, os.RemoveAll(filler)) })
	f, err := os.Create(filepath.Join(filler, "big"))
	require.NoError(t, err)
	defer f.Close()
	for _, size := range []int{1 << 20, 4096, 1} {
		for err = nil; err == nil; {
			_, err = f.Write(make([]byte, size))
		}
		require.ErrorIs(t, err, unix.ENOSPC)
	}
	for n := range 100_000 {
		if err = os.WriteFile(filepath.Join(filler, fmt.Sprint(n)), []byte("x"), 0o600); err != nil {
			break
		}
	}
	require.ErrorIs(t, err, unix.ENOSPC)
}
