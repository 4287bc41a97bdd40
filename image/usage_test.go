package image_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/caisson-dev/caisson/image"
)

func TestDiskUsage(t *testing.T) {
	t.Parallel()
	s := open(t)
	ctx := t.Context()
	u, err := s.DiskUsage(ctx)
	require.NoError(t, err)
	require.Equal(t, &image.DiskUsage{}, u)

	put(t, s, "base", image.ImportOptions{Tags: []string{"low"}})
	low, err := s.Get(ctx, "low")
	require.NoError(t, err)
	require.Zero(t, low.Shared)
	// The steps of builds share layers with what they lead to; that makes no image smaller.
	_, err = build(t, s, "FROM low\nCOPY one /one\nCOPY two /two\n", image.BuildOptions{Tags: []string{"top:1"}}, map[string]string{"one": strings.Repeat("1", 100_000), "two": "2"})
	require.NoError(t, err)
	_, err = build(t, s, "FROM low\nCOPY one /one\nCOPY two /two\n", image.BuildOptions{Tags: []string{"top:2"}}, map[string]string{"one": strings.Repeat("1", 100_000), "two": "3"})
	require.NoError(t, err)
	_, err = s.Remove(ctx, "top:2", image.RemoveOptions{})
	require.NoError(t, err)
	one, err := s.Get(ctx, "top:1")
	require.NoError(t, err)
	require.Equal(t, low.Size, one.Shared)
	require.Greater(t, one.Size, one.Shared+100_000)
	list, err := s.List(ctx, image.ListOptions{})
	require.NoError(t, err)
	require.Len(t, list, 2)
	require.Equal(t, *one, list[0])
	require.Equal(t, low.Size, list[1].Shared)

	u, err = s.DiskUsage(ctx)
	require.NoError(t, err)
	require.Len(t, u.Images.Items, 2)
	require.Equal(t, *one, u.Images.Items[0].Image)
	require.Zero(t, u.Images.Active)
	require.Equal(t, one.Size, u.Images.Size, "what both have counts once")
	require.Equal(t, one.Size, u.Images.Reclaimable)
	require.Empty(t, u.Containers)
	require.Empty(t, u.Volumes)
	require.NotEmpty(t, u.BuildCache.Items)
	require.Zero(t, u.BuildCache.Size, "the steps have nothing that the image has not")

	// Without the image the steps are what keeps the layers.
	require.NoError(t, s.Tag(ctx, "low", "keep"))
	_, err = build(t, s, "FROM low\nCOPY one /one\nRUN /no\n", image.BuildOptions{}, map[string]string{"one": strings.Repeat("x", 50_000)})
	require.ErrorIs(t, err, image.ErrBuildStep)
	u, err = s.DiskUsage(ctx)
	require.NoError(t, err)
	require.Greater(t, u.BuildCache.Size, int64(50_000))
	require.Less(t, u.BuildCache.Size, int64(60_000))
	require.Equal(t, u.BuildCache.Size, u.BuildCache.Reclaimable)
	require.Equal(t, one.Size, u.Images.Size)
	res, err := s.Prune(ctx, image.PruneOptions{})
	require.NoError(t, err)
	require.Equal(t, u.BuildCache.Size, res.Space)
}
