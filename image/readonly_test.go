//go:build linux

package image_test

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/caisson-dev/caisson/image"
	"github.com/caisson-dev/caisson/internal/testenv"
)

// TestReadOnlyStore: a store's images are used by another store, which changes nothing in it.
func TestReadOnlyStore(t *testing.T) {
	t.Parallel()
	lower := open(t)
	ctx := t.Context()
	img := put(t, lower, "lower", image.ImportOptions{Tags: []string{"low"}})
	root := storeDir(t)
	s, err := image.OpenStore(image.StoreOptions{Root: root, ReadOnly: []string{filepath.Join(lower.Root(), "storage")}})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	mine := put(t, s, "mine", image.ImportOptions{Tags: []string{"mine"}})

	list, err := s.List(ctx, image.ListOptions{})
	require.NoError(t, err)
	require.Len(t, list, 2)
	got, err := s.Get(ctx, "low")
	require.NoError(t, err)
	require.Equal(t, img.ID, got.ID)
	require.Equal(t, "lower", fileOf(t, s, "low", "file"))
	_, err = build(t, s, "FROM low\nCOPY sh /bin/sh\nRUN cat /file > /copy\n", image.BuildOptions{Tags: []string{"top"}}, nil)
	require.NoError(t, err)
	require.Equal(t, "lower", fileOf(t, s, "top", "copy"))

	_, err = s.Remove(ctx, "low", image.RemoveOptions{Force: true})
	require.ErrorIs(t, err, image.ErrPermission)
	require.ErrorContains(t, err, "read-only store")
	res, err := s.Prune(ctx, image.PruneOptions{All: true})
	require.NoError(t, err)
	require.Contains(t, res.Deleted, mine.ID)
	require.NotContains(t, res.Deleted, img.ID)
	left, err := lower.Get(ctx, "low")
	require.NoError(t, err)
	require.Equal(t, img.Names, left.Names)
	_, err = s.Get(ctx, "low")
	require.NoError(t, err)
	check, err := s.Check(ctx, image.CheckOptions{})
	require.NoError(t, err)
	require.Empty(t, check.Problems)

	_, err = image.OpenStore(image.StoreOptions{Root: storeDir(t), ReadOnly: []string{t.TempDir()}})
	require.ErrorIs(t, err, image.ErrInvalidArgument)
	require.ErrorContains(t, err, "overlay-images")
}

// TestShareWithSkopeoAndPodman: what skopeo puts into its store is here, and what is here podman has.
func TestShareWithSkopeoAndPodman(t *testing.T) {
	t.Parallel()
	testenv.Root(t)
	skopeo := testenv.Program(t, "skopeo", "skopeo")
	podman := testenv.Program(t, "podman", "podman")
	ctx := t.Context()
	dir, err := os.MkdirTemp("", "c") // podman takes no long paths
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, os.RemoveAll(dir)) })
	theirs := "[overlay@" + dir + "/graph+" + dir + "/run]"
	other := open(t)
	img := put(t, other, "from skopeo", image.ImportOptions{Tags: []string{"localhost/moved:1"}})
	var archive bytes.Buffer
	require.NoError(t, other.Save(ctx, &archive, []string{"localhost/moved:1"}, image.SaveOptions{}))
	require.NoError(t, os.WriteFile(dir+"/archive.tar", archive.Bytes(), 0o600))
	out, err := exec.Command(skopeo, "--insecure-policy", "copy", "docker-archive:"+dir+"/archive.tar", "containers-storage:"+theirs+"localhost/theirs:1").CombinedOutput()
	t.Cleanup(func() { _ = exec.Command("umount", "-l", dir+"/graph/overlay").Run() }) // it may not be mounted
	require.NoError(t, err, "%s", out)

	s, err := image.OpenStore(image.StoreOptions{Root: storeDir(t), ReadOnly: []string{dir + "/graph"}})
	require.NoError(t, err)
	got, err := s.Get(ctx, "localhost/theirs:1")
	require.NoError(t, err)
	require.Equal(t, img.ID, got.ID)
	require.Equal(t, "from skopeo", fileOf(t, s, "localhost/theirs:1", "file"))
	require.NoError(t, s.Close())

	// The other way: podman with the store of ours as its additional one.
	cmd := exec.Command(podman, "--root", dir+"/podman", "--runroot", dir+"/podman-run", "--storage-driver", "overlay",
		"--storage-opt", "overlay.imagestore="+filepath.Join(other.Root(), "storage"), "image", "inspect", "localhost/moved:1")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err = cmd.Output()
	t.Cleanup(func() { _ = exec.Command("umount", "-l", dir+"/podman/overlay").Run() }) // as above
	require.NoError(t, err, "%s", stderr.String())
	var infos []struct{ ID, Id string } // podman's name is Id
	require.NoError(t, json.Unmarshal(out, &infos))
	require.Equal(t, img.ID[7:], infos[0].Id+infos[0].ID)
}

// fileOf reads a file of an image.
func fileOf(t *testing.T, s *image.Store, ref, name string) string {
	t.Helper()
	f, err := s.FS(t.Context(), ref)
	require.NoError(t, err)
	b, err := f.ReadFile(name)
	require.NoError(t, err)
	require.NoError(t, f.Close())
	return string(b)
}
