//go:build linux

package image_test

import (
	"archive/tar"
	"context"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/caisson-dev/caisson/image"
	"github.com/caisson-dev/caisson/registry/server"
)

// TestPullAgain: what a cancelled pull has finished the next one does not ask for; until then Prune and Close remove it.
func TestPullAgain(t *testing.T) {
	t.Parallel()
	reg := serve(t, server.Options{}, server.ServeOptions{})
	var layers [][]byte
	for _, name := range []string{"a", "b", "c"} {
		layers = append(layers, layerTar(t, []tar.Header{{Name: name, Typeflag: tar.TypeReg, Mode: 0o644, Size: 1}}))
	}
	pushRaw(t, reg.Addr, "app", layers)
	root := storeDir(t)
	s, err := image.OpenStore(image.StoreOptions{Root: root})
	require.NoError(t, err)
	before := look(t, root).Layers
	layersAre := func(n int) {
		t.Helper()
		require.Eventually(t, func() bool { return look(t, root).Layers == n }, time.Minute, 5*time.Millisecond)
	}
	// stop cancels a pull that has the first two layers and waits for the third.
	stop := func(t *testing.T) {
		end := reg.Inject(server.Fault{Method: http.MethodGet, Reference: digestOf(layers[2]), Delay: 10 * time.Minute})
		defer end()
		unpacked := make(chan struct{})
		n := 0
		_, err := cancelled(t, func() { <-unpacked }, func(ctx context.Context) error {
			_, err := s.Pull(ctx, reg.Addr+"/app:1", image.PullOptions{Progress: func(p image.Progress) {
				if p.Phase == image.PhaseExtract && p.Done {
					if n++; n == 2 {
						close(unpacked)
					}
				}
			}})
			return err
		})
		require.ErrorIs(t, err, context.Canceled)
		layersAre(before + 2)
	}

	stop(t)
	reg.Server.ResetRequests()
	img, err := s.Pull(t.Context(), reg.Addr+"/app:1", image.PullOptions{})
	require.NoError(t, err)
	asked := map[string]int{}
	for _, r := range reg.Server.Requests() {
		asked[r.Reference]++
	}
	require.Equal(t, []int{0, 0, 1}, []int{asked[digestOf(layers[0])], asked[digestOf(layers[1])], asked[digestOf(layers[2])]})
	require.Equal(t, []string{digestOf(layers[0]), digestOf(layers[1]), digestOf(layers[2])}, img.Layers)
	_, err = s.Remove(t.Context(), img.ID, image.RemoveOptions{})
	require.NoError(t, err)

	stop(t)
	_, err = s.Prune(t.Context(), image.PruneOptions{})
	require.NoError(t, err)
	layersAre(before)

	stop(t)
	require.NoError(t, s.Close())
	s, err = image.OpenStore(image.StoreOptions{Root: root})
	require.NoError(t, err)
	layersAre(before)
	require.NoError(t, s.Close())
}
