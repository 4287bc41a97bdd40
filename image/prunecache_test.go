//go:build linux

package image_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/caisson-dev/caisson/image"
)

// cacheOf lists what builds keep, by what made it.
func cacheOf(t *testing.T, s *image.Store) (list []string, size int64) {
	t.Helper()
	u, err := s.DiskUsage(t.Context())
	require.NoError(t, err)
	for _, i := range u.BuildCache.Items {
		require.False(t, i.LastUsed.IsZero())
		made := strings.TrimPrefix(i.CreatedBy, "RUN /bin/sh -c ")
		if made == "" {
			made = "a cache mount"
		}
		list = append(list, made)
	}
	slices.Sort(list)
	return list, u.BuildCache.Size
}

// TestPruneCache: what builds keep goes, that which was used longest ago first, and images stay.
func TestPruneCache(t *testing.T) {
	t.Parallel()
	s := open(t)
	ctx := t.Context()
	step := func(name string) string { return "RUN fill /" + name + " 100000" }
	fail := func(steps ...string) {
		t.Helper()
		text := "FROM tools\n"
		for _, name := range steps {
			text += step(name) + "\n"
		}
		_, err := build(t, s, text+"RUN exit 1", image.BuildOptions{}, nil)
		require.ErrorIs(t, err, image.ErrBuildStep)
	}
	_, err := build(t, s, base, image.BuildOptions{Tags: []string{"tools"}}, nil)
	require.NoError(t, err)
	named, err := build(t, s, "FROM tools\nRUN --mount=type=cache,target=/c fill /c/f 50000 && fill /named 100000\nRUN echo x > /x\n", image.BuildOptions{Tags: []string{"named"}}, nil)
	require.NoError(t, err)
	fail("one", "two")
	fail("three")
	between := time.Now()
	fail("one") // used again
	list, size := cacheOf(t, s)
	require.Equal(t, []string{"a cache mount", "fill /c/f 50000 && fill /named 100000", "fill /one 100000", "fill /three 100000", "fill /two 100000"}, list)
	require.InDelta(t, 350_000, size, 30_000)

	_, err = s.PruneCache(ctx, image.PruneCacheOptions{KeepStorage: -1})
	require.ErrorIs(t, err, image.ErrInvalidArgument)
	res, err := s.PruneCache(ctx, image.PruneCacheOptions{KeepStorage: size})
	require.NoError(t, err)
	require.Equal(t, image.PruneCacheResult{}, res)

	// What was used longest ago is the mount; of the steps it is two, since three came later.
	res, err = s.PruneCache(ctx, image.PruneCacheOptions{KeepStorage: size - 60_000})
	require.NoError(t, err)
	require.Len(t, res.Deleted, 2)
	require.InDelta(t, 150_000, res.Space, 20_000)
	list, _ = cacheOf(t, s)
	require.Equal(t, []string{"fill /c/f 50000 && fill /named 100000", "fill /one 100000", "fill /three 100000"}, list)

	res, err = s.PruneCache(ctx, image.PruneCacheOptions{Until: between})
	require.NoError(t, err)
	require.Len(t, res.Deleted, 1)
	list, _ = cacheOf(t, s)
	require.Equal(t, []string{"fill /c/f 50000 && fill /named 100000", "fill /one 100000"}, list)

	res, err = s.PruneCache(ctx, image.PruneCacheOptions{})
	require.NoError(t, err)
	require.Len(t, res.Deleted, 1)
	require.InDelta(t, 100_000, res.Space, 10_000)
	list, _ = cacheOf(t, s)
	require.Equal(t, []string{"fill /c/f 50000 && fill /named 100000"}, list)
	again, ran := misses(t, s, "FROM tools\nRUN --mount=type=cache,target=/c fill /c/f 50000 && fill /named 100000\nRUN echo x > /x\n", image.BuildOptions{})
	require.Equal(t, named.ID, again.ID)
	require.Empty(t, ran)

	// All forgets the steps of images, too; the images stay.
	res, err = s.PruneCache(ctx, image.PruneCacheOptions{All: true})
	require.NoError(t, err)
	require.Len(t, res.Deleted, 1)
	require.Zero(t, res.Space)
	list, size = cacheOf(t, s)
	require.Empty(t, list)
	require.Zero(t, size)
	_, err = s.Get(ctx, "named")
	require.NoError(t, err)
	_, ran = misses(t, s, "FROM tools\nRUN echo x > /y\n", image.BuildOptions{})
	require.Equal(t, []string{"2: new"}, ran)
}
