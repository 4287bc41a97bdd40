package image_test

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/caisson-dev/caisson/image"
	"github.com/caisson-dev/caisson/registry/server"
)

// TestDamagedLayerIsNotReused: after the machine went down, a pull and an import do not make an image of a layer whose files
// are not all there; Check repairs the store.
func TestDamagedLayerIsNotReused(t *testing.T) {
	t.Parallel()
	root := storeDir(t)
	s, err := image.OpenStore(image.StoreOptions{Root: root})
	require.NoError(t, err)
	ctx := t.Context()
	reg := serve(t, server.Options{}, server.ServeOptions{})
	img := put(t, s, "content", image.ImportOptions{Tags: []string{"app"}})
	_, err = s.Push(ctx, "app", image.PushOptions{Destination: reg.Addr + "/app"})
	require.NoError(t, err)
	_, err = s.Pull(ctx, reg.Addr+"/app", image.PullOptions{})
	require.NoError(t, err, "a sound one is reused")
	require.NoError(t, s.Close())

	diff := filepath.Join(root, "storage", "overlay", img.Layers[0][7:], "diff")
	require.NoError(t, os.Truncate(filepath.Join(diff, "file"), 0))
	require.NoError(t, os.RemoveAll(filepath.Join(root, "cache", "sound")), "as at the next start of the machine")
	s, err = image.OpenStore(image.StoreOptions{Root: root})
	require.NoError(t, err)
	defer func() { require.NoError(t, s.Close()) }()
	_, err = s.Pull(ctx, reg.Addr+"/app", image.PullOptions{})
	require.ErrorIs(t, err, image.ErrCorrupt)
	require.ErrorContains(t, err, `"file": its size is 0 and must be 7: Check finds more, and repairs`)
	_, err = s.Import(ctx, bytes.NewReader(rootTar(t, map[string]string{"file": "content"})), image.ImportOptions{Tags: []string{"again"}})
	require.ErrorIs(t, err, image.ErrCorrupt)
	res, err := s.Check(ctx, image.CheckOptions{Repair: true})
	require.NoError(t, err)
	require.True(t, res.Repaired)
	_, err = s.Pull(ctx, reg.Addr+"/app", image.PullOptions{})
	require.NoError(t, err)
	require.NoError(t, s.Save(ctx, io.Discard, []string{img.ID}, image.SaveOptions{}))
}
