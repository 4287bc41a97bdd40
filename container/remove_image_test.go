package container_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/caisson-dev/caisson/container"
	"github.com/caisson-dev/caisson/image"
)

// TestRemoveImageByName: force takes the name away and leaves the containers alone, whether they run or not.
func TestRemoveImageByName(t *testing.T) {
	t.Parallel()
	e := newEngine(t)
	ctx, s := t.Context(), e.Store()
	for name, running := range map[string]bool{"localhost/rmi-stopped:1": false, "localhost/rmi-running:1": true} {
		buildImage(t, s, name, "FROM scratch\nCOPY testbox /bin/testbox\nLABEL name="+name+"\nENTRYPOINT [\"/bin/testbox\"]\n")
		img, err := s.Get(ctx, name)
		require.NoError(t, err)
		c := create(t, e, container.Options{Image: name, Cmd: []string{"sleep", "1h"}})
		if running {
			require.NoError(t, c.Start(ctx))
		}
		_, err = s.Remove(ctx, name, image.RemoveOptions{})
		require.ErrorIs(t, err, image.ErrInUse)
		res, err := s.Remove(ctx, name, image.RemoveOptions{Force: true})
		require.NoError(t, err)
		assert.Equal(t, image.RemoveResult{Untagged: []string{name}}, res)
		_, err = s.Get(ctx, name)
		require.ErrorIs(t, err, image.ErrNotFound)
		kept, err := s.Get(ctx, img.ID)
		require.NoError(t, err)
		assert.Empty(t, kept.Names)
		if !running {
			require.NoError(t, c.Start(ctx))
		}
		if running {
			_, err = s.Remove(ctx, img.ID, image.RemoveOptions{Force: true})
			require.ErrorIs(t, err, image.ErrInUse)
			require.ErrorContains(t, err, c.Name())
		} else {
			require.NoError(t, c.Stop(ctx, container.StopOptions{Timeout: 1}))
			_, err = s.Remove(ctx, img.ID, image.RemoveOptions{Force: true})
			require.NoError(t, err)
			require.NoError(t, c.Start(ctx), "by the id, too, the container stays")
		}
		require.NoError(t, c.Remove(ctx, container.RemoveOptions{Force: true}))
		res, err = s.Remove(ctx, img.ID, image.RemoveOptions{})
		require.NoError(t, err)
		assert.Contains(t, res.Deleted, img.ID)
	}
}
