package image_test

import (
	"bytes"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/caisson-dev/caisson/image"
)

// put makes an image of one file.
func put(t *testing.T, s *image.Store, text string, opts image.ImportOptions) *image.Image {
	t.Helper()
	img, err := s.Import(t.Context(), bytes.NewReader(rootTar(t, map[string]string{"file": text})), opts)
	require.NoError(t, err)
	return img
}

func TestListFilters(t *testing.T) {
	t.Parallel()
	s := open(t)
	one := put(t, s, "1", image.ImportOptions{Tags: []string{"app:1", "example.com/team/app:1"}, Changes: []string{"LABEL tier=front stable="}})
	two := put(t, s, "2", image.ImportOptions{Tags: []string{"app:2"}, Changes: []string{"LABEL tier=back"}})
	three := put(t, s, "3", image.ImportOptions{Changes: []string{"LABEL tier=back other=x"}})
	ids := map[string]string{one.ID: "one", two.ID: "two", three.ID: "three"}
	for name, c := range map[string]struct {
		opts image.ListOptions
		want string
	}{
		"all":                 {image.ListOptions{}, "three two one"},
		"dangling":            {image.ListOptions{Dangling: true}, "three"},
		"reference":           {image.ListOptions{References: []string{"app"}}, "two one"},
		"reference with tag":  {image.ListOptions{References: []string{"app:1"}}, "one"},
		"reference pattern":   {image.ListOptions{References: []string{"example.com/*/app"}}, "one"},
		"a star has no slash": {image.ListOptions{References: []string{"example.com/*"}}, ""},
		"either reference":    {image.ListOptions{References: []string{"*:2", "*/*/app:*"}}, "two one"},
		"not in full":         {image.ListOptions{References: []string{"docker.io/library/app"}}, ""},
		"label":               {image.ListOptions{Filter: image.Filter{Labels: map[string]string{"tier": ""}}}, "three two one"},
		"label with value":    {image.ListOptions{Filter: image.Filter{Labels: map[string]string{"tier": "back"}}}, "three two"},
		"both labels":         {image.ListOptions{Filter: image.Filter{Labels: map[string]string{"tier": "back", "other": "x"}}}, "three"},
		"without label":       {image.ListOptions{Filter: image.Filter{NotLabels: map[string]string{"other": ""}}}, "two one"},
		"without both labels": {image.ListOptions{Filter: image.Filter{NotLabels: map[string]string{"other": "", "tier": "back"}}}, "two one"},
		"nothing has both":    {image.ListOptions{Filter: image.Filter{NotLabels: map[string]string{"other": "", "tier": "front"}}}, "three two one"},
		"before":              {image.ListOptions{Before: "app:2"}, "one"},
		"since":               {image.ListOptions{Since: one.ID[:20]}, "three two"},
		"between":             {image.ListOptions{Since: "app:1", Before: three.ID}, "two"},
		"until":               {image.ListOptions{Filter: image.Filter{Until: three.Created}}, "two one"},
		"together":            {image.ListOptions{References: []string{"app"}, Filter: image.Filter{Labels: map[string]string{"tier": "back"}}}, "two"},
	} {
		t.Run(name, func(t *testing.T) {
			list, err := s.List(t.Context(), c.opts)
			require.NoError(t, err)
			var got []string
			for _, img := range list {
				got = append(got, ids[img.ID])
			}
			require.Equal(t, c.want, strings.Join(got, " "))
		})
	}
	_, err := s.List(t.Context(), image.ListOptions{References: []string{"["}})
	require.ErrorIs(t, err, image.ErrInvalidArgument)
	_, err = s.List(t.Context(), image.ListOptions{Before: "none"})
	require.ErrorIs(t, err, image.ErrNotFound)
	_, err = s.List(t.Context(), image.ListOptions{Since: "UPPER"})
	require.ErrorIs(t, err, image.ErrInvalidReference)
}

func TestPruneFilters(t *testing.T) {
	t.Parallel()
	s := open(t)
	ctx := t.Context()
	old := put(t, s, "old", image.ImportOptions{Tags: []string{"old"}})
	keep := put(t, s, "keep", image.ImportOptions{Changes: []string{"LABEL keep="}})
	young := put(t, s, strings.Repeat("young", 1000), image.ImportOptions{Changes: []string{"LABEL tier=front"}})
	// Its steps go with it, though they have not its label.
	built, err := build(t, s, base+"RUN echo 1 > /1\nLABEL tier=back\n", image.BuildOptions{}, nil)
	require.NoError(t, err)
	prune := func(opts image.PruneOptions) []string {
		t.Helper()
		before, err := s.List(ctx, image.ListOptions{All: true})
		require.NoError(t, err)
		res, err := s.Prune(ctx, opts)
		require.NoError(t, err)
		after, err := s.List(ctx, image.ListOptions{All: true})
		require.NoError(t, err)
		require.Len(t, after, len(before)-len(res.Deleted))
		if slices.Contains(res.Deleted, young.ID) {
			require.Equal(t, int64(6656), res.Space, "bytes of the layer as tar")
		}
		return res.Deleted
	}
	require.Empty(t, prune(image.PruneOptions{Filter: image.Filter{Labels: map[string]string{"tier": "middle"}}}))
	require.Empty(t, prune(image.PruneOptions{Filter: image.Filter{Until: keep.Created}}), "old has a name")
	require.Equal(t, []string{old.ID}, prune(image.PruneOptions{All: true, Filter: image.Filter{Until: keep.Created}}))
	require.Equal(t, []string{young.ID}, prune(image.PruneOptions{
		Filter: image.Filter{Until: built.Created, NotLabels: map[string]string{"keep": ""}},
	}))
	gone := prune(image.PruneOptions{Filter: image.Filter{Labels: map[string]string{"tier": "back"}, Until: time.Now()}})
	require.Equal(t, built.ID, gone[0])
	require.Len(t, gone, 3)
	list, err := s.List(ctx, image.ListOptions{All: true})
	require.NoError(t, err)
	require.Len(t, list, 1)
	require.Equal(t, keep.ID, list[0].ID)
}
