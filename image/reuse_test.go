package image_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/caisson-dev/caisson/image"
	"github.com/caisson-dev/caisson/registry"
)

// TestPushWhatWasPulled: what a registry has it is not sent again, under whatever name, and also not as the base of
// something new.
func TestPushWhatWasPulled(t *testing.T) {
	reg := serve(t, registry.ServerOptions{}, registry.ServeOptions{})
	s := open(t)
	_, err := build(t, s, "FROM scratch\nCOPY f /f\n", image.BuildOptions{Tags: []string{"base"}}, map[string]string{"f": compressible()})
	require.NoError(t, err)
	for name, how := range map[string]string{"gzip": "", "zstd": "zstd"} {
		t.Run(name, func(t *testing.T) {
			_, err := s.Push(t.Context(), "base", image.PushOptions{Destination: reg.Addr + "/" + name, Compression: how})
			require.NoError(t, err)
			layer := manifestOf(t, reg.Addr+"/"+name).Layers[0]
			other := open(t) // it knows of the registry by the pull alone
			img, err := other.Pull(t.Context(), reg.Addr+"/"+name, image.PullOptions{})
			require.NoError(t, err)
			sent := func(ref, to string) int64 {
				reg.Server.ResetRequests()
				_, err := other.Push(t.Context(), ref, image.PushOptions{Destination: reg.Addr + "/" + to, Compression: how})
				require.NoError(t, err)
				require.Equal(t, layer.Digest, manifestOf(t, reg.Addr+"/"+to).Layers[0].Digest)
				var n int64
				for _, r := range reg.Server.Requests() {
					if r.Method == http.MethodPatch || r.Method == http.MethodPut {
						n += r.BytesIn
					}
				}
				return n
			}
			require.Less(t, sent(img.ID, name+"/again"), layer.Size/2, "manifest and configuration")
			_, err = build(t, other, "FROM "+reg.Addr+"/"+name+"\nCOPY g /g\n", image.BuildOptions{Tags: []string{"derived"}}, map[string]string{"g": "small"})
			require.NoError(t, err)
			require.Less(t, sent("derived", name+"/derived"), layer.Size/2, "manifest, configuration and the new layer")
		})
	}
}
