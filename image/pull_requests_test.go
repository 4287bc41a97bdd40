package image_test

import (
	"archive/tar"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/caisson-dev/caisson/image"
	"github.com/caisson-dev/caisson/registry/server"
)

// TestPullRequests: a registry is asked once for each manifest, since some count that, and for a layer that is here not
// at all.
func TestPullRequests(t *testing.T) {
	t.Parallel()
	reg := serve(t, server.Options{}, server.ServeOptions{})
	s := open(t)
	layer := layerTar(t, []tar.Header{{Name: "f", Typeflag: tar.TypeReg, Mode: 0o644, Size: 1}})
	pushRaw(t, reg.Addr, "app", [][]byte{layer})
	pushRaw(t, reg.Addr, "twice", [][]byte{layer, layer})
	other := layerTar(t, []tar.Header{{Name: "g", Typeflag: tar.TypeReg, Mode: 0o644, Size: 1}})
	pushRaw(t, reg.Addr, "between", [][]byte{other, layer, other})
	pushRaw(t, reg.Addr, "fresh", [][]byte{other, layer, other, layer})
	pull := func(s *image.Store, ref string) (pings, manifests, layers int) {
		reg.Server.ResetRequests()
		_, err := s.Pull(t.Context(), reg.Addr+"/"+ref, image.PullOptions{})
		require.NoError(t, err)
		for _, r := range reg.Server.Requests() {
			switch {
			case r.Path == "/v2/":
				pings++
			case strings.Contains(r.Path, "/manifests/"):
				manifests++
			case r.Method == http.MethodGet && r.Reference == digestOf(layer):
				layers++
			}
		}
		return pings, manifests, layers
	}
	for _, c := range []struct {
		name, ref string
		into      *image.Store
		layers    int
	}{
		{"new", "app:1", s, 1}, {"up to date", "app:1", s, 0}, {"on another", "twice:1", s, 0}, {"between others", "between:1", s, 0},
		{"twice", "fresh:1", open(t), 1},
	} {
		pings, manifests, layers := pull(c.into, c.ref)
		require.Equal(t, []int{1, 1, c.layers}, []int{pings, manifests, layers}, c.name)
	}
}
