package image_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/caisson-dev/caisson/image"
	"github.com/caisson-dev/caisson/internal/testenv"
	"github.com/caisson-dev/caisson/registry/server"
)

// TestCheck damages a store in the ways that disks and people do.
func TestCheck(t *testing.T) {
	t.Parallel()
	testenv.Slow(t)
	s := open(t)
	ctx := t.Context()
	reg := serve(t, server.Options{}, server.ServeOptions{})
	_, err := build(t, s, base+"RUN echo 1 > /one\nRUN rm /one\n", image.BuildOptions{Tags: []string{"built"}}, nil)
	require.NoError(t, err)
	_, err = s.Push(ctx, "built", image.PushOptions{Destination: reg.Addr + "/pulled"})
	require.NoError(t, err)
	_, err = s.Prune(ctx, image.PruneOptions{All: true})
	require.NoError(t, err)
	pulled, err := s.Pull(ctx, reg.Addr+"/pulled", image.PullOptions{})
	require.NoError(t, err)
	res, err := s.Check(ctx, image.CheckOptions{})
	require.NoError(t, err)
	require.Empty(t, res.Problems, "a pulled image is sound")
	_, err = build(t, s, base+"COPY note /note\n", image.BuildOptions{Tags: []string{"good"}}, map[string]string{"note": "x"})
	require.NoError(t, err)
	res, err = s.Check(ctx, image.CheckOptions{})
	require.NoError(t, err)
	require.Empty(t, res.Problems, "a built one, too")

	storage := filepath.Join(s.Root(), "storage")
	for name, c := range map[string]struct {
		damage func(img *image.Image, diff string) error
		says   string
		quick  bool // finds it, too
	}{
		"a file is changed": {func(_ *image.Image, diff string) error {
			return os.WriteFile(filepath.Join(diff, "file"), []byte("CONTENT"), 0o644)
		}, "checksum", true},
		"a file is added": {func(_ *image.Image, diff string) error {
			return os.WriteFile(filepath.Join(diff, "virus"), []byte("x"), 0o644)
		}, "virus", false},
		"a file is gone":              {func(_ *image.Image, diff string) error { return os.Remove(filepath.Join(diff, "file")) }, "no such file", true},
		"a layer's directory is gone": {func(_ *image.Image, diff string) error { return os.RemoveAll(diff) }, "", true},
		"the configuration is gone": {func(img *image.Image, _ string) error {
			files, err := filepath.Glob(filepath.Join(storage, "overlay-images", img.ID[7:], "=*"))
			for _, f := range files {
				if b, rerr := os.ReadFile(f); rerr == nil && strings.Contains(string(b), `"rootfs"`) {
					err = os.Remove(f)
				}
			}
			return err
		}, "data item", true},
	} {
		t.Run(name, func(t *testing.T) {
			img := put(t, s, "content", image.ImportOptions{Tags: []string{"bad"}})
			diff := filepath.Join(storage, "overlay", img.Layers[0][7:], "diff")
			st, err := os.Stat(diff)
			require.NoError(t, err)
			require.NoError(t, os.Chmod(diff, 0o755), "its owner, who is not root, can't write into it either")
			require.NoError(t, c.damage(img, diff))
			if err := os.Chmod(diff, st.Mode()); !os.IsNotExist(err) {
				require.NoError(t, err)
			}
			if !c.quick {
				res, err := s.Check(ctx, image.CheckOptions{Quick: true})
				require.NoError(t, err)
				require.Empty(t, res.Problems)
			}
			found, err := s.Check(ctx, image.CheckOptions{Quick: c.quick})
			require.NoError(t, err)
			require.False(t, found.Repaired)
			last := found.Problems[len(found.Problems)-1]
			require.Equal(t, image.ProblemImage, last.Kind)
			require.Equal(t, img.ID, last.ID)
			require.Equal(t, []string{"docker.io/library/bad:latest"}, last.Names)
			require.Contains(t, strings.Join(last.Details, "\n"), c.says)
			for _, p := range found.Problems[:len(found.Problems)-1] {
				require.Equal(t, image.ProblemLayer, p.Kind)
				require.Equal(t, img.Layers[0][7:], p.ID)
			}
			fixed, err := s.Check(ctx, image.CheckOptions{Repair: true})
			require.NoError(t, err)
			require.True(t, fixed.Repaired)
			_, err = s.Get(ctx, "bad")
			require.ErrorIs(t, err, image.ErrNotFound)
			after, err := s.Check(ctx, image.CheckOptions{})
			require.NoError(t, err)
			require.Empty(t, after.Problems)
			again := put(t, s, "content", image.ImportOptions{})
			require.Equal(t, img.Layers, again.Layers)
			_, err = s.Remove(ctx, again.ID, image.RemoveOptions{})
			require.NoError(t, err)
		})
	}
	left, err := s.List(ctx, image.ListOptions{})
	require.NoError(t, err)
	require.Len(t, left, 2, "the others are untouched")
	_, err = s.Get(ctx, pulled.ID)
	require.NoError(t, err)
}

// TestCheckTrials: what the storage driver leaves when it is killed while it tries out the kernel is no damage.
func TestCheckTrials(t *testing.T) {
	t.Parallel()
	s := open(t)
	_, err := build(t, s, base, image.BuildOptions{Tags: []string{"app"}}, nil)
	require.NoError(t, err)
	require.NoError(t, os.Mkdir(filepath.Join(s.Root(), "storage", "overlay", "volatile-check1234567890"), 0o700))
	res, err := s.Check(t.Context(), image.CheckOptions{Repair: true})
	require.NoError(t, err)
	require.Empty(t, res.Problems)
	_, err = s.Get(t.Context(), "app")
	require.NoError(t, err)
}
