package image_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/caisson-dev/caisson/image"
	"github.com/caisson-dev/caisson/internal/testenv"
)

// layers counts the layers in the store's directory.
func layers(t *testing.T, s *image.Store) int {
	t.Helper()
	dirs, err := filepath.Glob(filepath.Join(s.Root(), "storage", "overlay", "*", "diff"))
	require.NoError(t, err)
	return len(dirs)
}

func TestRemove(t *testing.T) {
	t.Parallel()
	s := open(t)
	ctx := t.Context()
	img, err := build(t, s, base+"RUN echo 1 > /1\nRUN echo 2 > /2\nENV A=1\n", image.BuildOptions{Tags: []string{"app:1", "app:2"}}, nil)
	require.NoError(t, err)
	require.Equal(t, 3, layers(t, s))

	_, err = s.Remove(ctx, img.ID, image.RemoveOptions{})
	require.ErrorIs(t, err, image.ErrInUse)
	require.ErrorContains(t, err, "docker.io/library/app:1, docker.io/library/app:2")
	res, err := s.Remove(ctx, "app:1", image.RemoveOptions{})
	require.NoError(t, err)
	require.Equal(t, image.RemoveResult{Untagged: []string{"docker.io/library/app:1"}}, res)
	_, err = s.Remove(ctx, "app:1", image.RemoveOptions{})
	require.ErrorIs(t, err, image.ErrNotFound)

	// Its last name takes it along, and the steps of its build.
	res, err = s.Remove(ctx, "app:2", image.RemoveOptions{})
	require.NoError(t, err)
	require.Equal(t, []string{"docker.io/library/app:2"}, res.Untagged)
	require.Equal(t, img.ID, res.Deleted[0])
	require.Len(t, res.Deleted, 4)
	all, err := s.List(ctx, image.ListOptions{All: true})
	require.NoError(t, err)
	require.Empty(t, all)
	require.Zero(t, layers(t, s))
}

func TestRemoveByID(t *testing.T) {
	t.Parallel()
	s := open(t)
	ctx := t.Context()
	img, err := build(t, s, base, image.BuildOptions{Tags: []string{"app:1", "app:2"}}, nil)
	require.NoError(t, err)
	res, err := s.Remove(ctx, img.ID[:20], image.RemoveOptions{Force: true})
	require.NoError(t, err)
	require.ElementsMatch(t, img.Names, res.Untagged)
	require.Zero(t, layers(t, s))
	img, err = build(t, s, base, image.BuildOptions{}, nil)
	require.NoError(t, err)
	res, err = s.Remove(ctx, img.ID, image.RemoveOptions{})
	require.NoError(t, err)
	require.Equal(t, []string{img.ID}, res.Deleted)
}

// TestRemoveKeepsShared: what another image is made of stays, and its build cache too.
func TestRemoveKeepsShared(t *testing.T) {
	t.Parallel()
	s := open(t)
	ctx := t.Context()
	_, err := build(t, s, base+"RUN echo 1 > /1\nRUN echo 2 > /2\n", image.BuildOptions{Tags: []string{"app:1"}}, nil)
	require.NoError(t, err)
	_, err = build(t, s, base+"RUN echo 1 > /1\nRUN echo 3 > /3\n", image.BuildOptions{Tags: []string{"app:2"}}, nil)
	require.NoError(t, err)
	require.Equal(t, 4, layers(t, s))
	res, err := s.Remove(ctx, "app:1", image.RemoveOptions{})
	require.NoError(t, err)
	require.Len(t, res.Deleted, 1)
	require.Equal(t, 3, layers(t, s))
	img, err := s.Get(ctx, "app:2")
	require.NoError(t, err)
	require.Len(t, img.Layers, 3)
}

func TestPrune(t *testing.T) {
	t.Parallel()
	s := open(t)
	ctx := t.Context()
	_, err := build(t, s, base+"RUN fill /data 1000000\n", image.BuildOptions{Tags: []string{"app:1"}}, nil)
	require.NoError(t, err)
	named, err := build(t, s, base+"RUN echo 3 > /3\nRUN echo 4 > /4\n", image.BuildOptions{Tags: []string{"app:1"}}, nil)
	require.NoError(t, err)
	_, err = build(t, s, base+"RUN fill /other 500000\nRUN exit 1\n", image.BuildOptions{}, nil)
	require.ErrorIs(t, err, image.ErrBuildStep)

	imgs, err := s.List(ctx, image.ListOptions{})
	require.NoError(t, err)
	require.Len(t, imgs, 2, "the image that lost its name shows; the steps of the failed build don't")

	res, err := s.Prune(ctx, image.PruneOptions{})
	require.NoError(t, err)
	require.Len(t, res.Deleted, 2)
	require.Greater(t, res.Space, int64(1500000))
	require.Less(t, res.Space, int64(1600000))
	require.Equal(t, 3, layers(t, s))
	imgs, err = s.List(ctx, image.ListOptions{})
	require.NoError(t, err)
	require.Len(t, imgs, 1)
	require.Equal(t, named.ID, imgs[0].ID)
	again, err := build(t, s, base+"RUN echo 3 > /3\nRUN echo 4 > /4\n", image.BuildOptions{}, nil)
	require.NoError(t, err)
	require.Equal(t, named.ID, again.ID, "the cache of a named image is kept")

	res, err = s.Prune(ctx, image.PruneOptions{All: true})
	require.NoError(t, err)
	require.Zero(t, layers(t, s))
	require.Contains(t, res.Deleted, named.ID)
	res, err = s.Prune(ctx, image.PruneOptions{All: true})
	require.NoError(t, err)
	require.Equal(t, image.PruneResult{}, res)
}

// TestPruneCacheMounts: only All empties what RUN --mount=type=cache keeps.
func TestPruneCacheMounts(t *testing.T) {
	t.Parallel()
	testenv.Slow(t)
	s := open(t)
	ctx := t.Context()
	dockerfile := base + "ARG N\nRUN --mount=type=cache,target=/cache append /cache/log $N && cat /cache/log > /log\n"
	for _, n := range []string{"1", "2"} {
		_, err := build(t, s, dockerfile+"RUN cat /log\n", image.BuildOptions{Args: map[string]string{"N": n}}, nil)
		require.NoError(t, err)
	}
	caches := func() (names []string) {
		files, err := filepath.Glob(filepath.Join(s.Root(), "cache", "mounts", "*", "log"))
		require.NoError(t, err)
		for _, f := range files {
			b, err := os.ReadFile(f)
			require.NoError(t, err)
			names = append(names, string(b))
		}
		return names
	}
	require.Equal(t, []string{"1\n2\n"}, caches())
	_, err := s.Prune(ctx, image.PruneOptions{})
	require.NoError(t, err)
	require.Len(t, caches(), 1)
	_, err = s.Prune(ctx, image.PruneOptions{All: true})
	require.NoError(t, err)
	require.Empty(t, caches())
}
