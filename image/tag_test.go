package image_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/caisson-dev/caisson/image"
)

func TestNames(t *testing.T) {
	t.Parallel()
	s := open(t)
	ctx := t.Context()
	img, err := build(t, s, base, image.BuildOptions{Tags: []string{"app", "example.com:5000/team/app:1.2"}}, nil)
	require.NoError(t, err)
	require.Equal(t, []string{"docker.io/library/app:latest", "example.com:5000/team/app:1.2"}, img.Names)
	id := strings.TrimPrefix(img.ID, "sha256:")
	digest := img.Digests[0][strings.Index(img.Digests[0], "@")+1:]
	for _, ref := range []string{
		"app", "app:latest", "library/app", "docker.io/app", "docker.io/library/app:latest", "example.com:5000/team/app:1.2",
		img.ID, id, id[:12], id[:4], "sha256:" + id[:12], "app@" + digest, "app:whatever@" + digest,
	} {
		got, err := s.Get(ctx, ref)
		require.NoError(t, err, ref)
		require.Equal(t, img, got, ref)
	}
	for ref, want := range map[string]error{
		"":                                      image.ErrInvalidReference,
		"UPPER":                                 image.ErrInvalidReference,
		"a b":                                   image.ErrInvalidReference,
		"app:":                                  image.ErrInvalidReference,
		"app:-x":                                image.ErrInvalidReference,
		"../app":                                image.ErrInvalidReference,
		"app@sha256:12":                         image.ErrInvalidReference,
		"http://example.com/app":                image.ErrInvalidReference,
		strings.Repeat("a/", 200) + "app":       image.ErrInvalidReference,
		"app:2":                                 image.ErrNotFound,
		"example.com/team/app:1.2":              image.ErrNotFound,
		"sha256:" + strings.Repeat("0", 64):     image.ErrNotFound,
		strings.Repeat("0", 64):                 image.ErrNotFound,
		"other@" + digest:                       image.ErrNotFound,
		"app@sha256:" + strings.Repeat("0", 64): image.ErrNotFound,
	} {
		_, err := s.Get(ctx, ref)
		require.ErrorIs(t, err, want, ref)
		if ref != "" {
			require.ErrorContains(t, err, ref)
		}
	}
}

func TestAmbiguousID(t *testing.T) {
	t.Parallel()
	s := open(t)
	var ids []string
	for i := range 17 { // two of them begin with the same digit
		img, err := build(t, s, base+"ENV N="+strings.Repeat("x", i), image.BuildOptions{}, nil)
		require.NoError(t, err)
		ids = append(ids, img.ID)
	}
	first := map[byte]string{}
	for _, id := range ids {
		digit := id[len("sha256:")]
		if first[digit] != "" && first[digit] != id {
			_, err := s.Get(t.Context(), "sha256:"+string(digit))
			require.ErrorIs(t, err, image.ErrAmbiguous)
			require.ErrorContains(t, err, "give more digits")
			return
		}
		first[digit] = id
	}
	t.Fatal("no two ids begin with the same digit")
}

func TestTagAndUntag(t *testing.T) {
	t.Parallel()
	s := open(t)
	ctx := t.Context()
	one, err := build(t, s, base+"ENV N=1", image.BuildOptions{Tags: []string{"app:1"}}, nil)
	require.NoError(t, err)
	two, err := build(t, s, base+"ENV N=2", image.BuildOptions{Tags: []string{"app:2"}}, nil)
	require.NoError(t, err)
	require.NoError(t, s.Tag(ctx, "app:1", "moving"))
	require.NoError(t, s.Tag(ctx, "app:2", "moving"))
	got, err := s.Get(ctx, "moving")
	require.NoError(t, err)
	require.Equal(t, two.ID, got.ID)
	got, err = s.Get(ctx, one.ID)
	require.NoError(t, err)
	require.Equal(t, []string{"docker.io/library/app:1"}, got.Names)

	require.NoError(t, s.Untag(ctx, "app:1"))
	got, err = s.Get(ctx, one.ID)
	require.NoError(t, err)
	require.Empty(t, got.Names)
	dangling, err := s.List(ctx, image.ListOptions{Dangling: true})
	require.NoError(t, err)
	require.Len(t, dangling, 1)
	require.Equal(t, one.ID, dangling[0].ID)

	require.ErrorIs(t, s.Untag(ctx, "app:1"), image.ErrNotFound)
	require.ErrorIs(t, s.Untag(ctx, "UPPER"), image.ErrInvalidReference)
	require.ErrorIs(t, s.Tag(ctx, "app:1", "x"), image.ErrNotFound)
	require.ErrorIs(t, s.Tag(ctx, "app:2", "X"), image.ErrInvalidReference)
	require.ErrorIs(t, s.Tag(ctx, "app:2", "x@"+got.ID), image.ErrInvalidReference)
}
