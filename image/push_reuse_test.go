package image_test

import (
	"bytes"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/caisson-dev/caisson/image"
	"github.com/caisson-dev/caisson/registry"
	"github.com/caisson-dev/caisson/registry/server"
)

// TestPushWhatWasPulled: what a registry has it is not sent again, under whatever name, and also not as the base of
// something new.
func TestPushWhatWasPulled(t *testing.T) {
	t.Parallel()
	// With tokens, which are for a repository each.
	reg := serve(t, server.Options{Auth: server.Auth{Users: []server.User{{Name: "joe", Password: "right"}}, Bearer: true}}, server.ServeOptions{})
	joe := registry.Credential{Username: "joe", Password: "right"}
	client := registry.NewClient(registry.ClientOptions{Credential: registry.Credential{Username: "joe", Password: "right"}})
	defer client.Close()
	layerOf := func(repo string) registry.Descriptor {
		m, err := client.Manifest(t.Context(), reg.Addr+"/"+repo, registry.ManifestOptions{})
		require.NoError(t, err)
		return m.Layers[0]
	}
	s := open(t)
	_, err := s.Import(t.Context(), bytes.NewReader(noise(t, 100_000)), image.ImportOptions{Tags: []string{"base"}})
	require.NoError(t, err)
	for name, how := range map[string]string{"gzip": "", "zstd": "zstd"} {
		t.Run(name, func(t *testing.T) {
			_, err := s.Push(t.Context(), "base", image.PushOptions{Destination: reg.Addr + "/" + name, Compression: how, Credential: joe})
			require.NoError(t, err)
			layer := layerOf(name)
			other := open(t) // it knows of the registry by the pull alone
			img, err := other.Pull(t.Context(), reg.Addr+"/"+name, image.PullOptions{Credential: joe})
			require.NoError(t, err)
			sent := func(ref, to string) int64 {
				reg.Server.ResetRequests()
				_, err := other.Push(t.Context(), ref, image.PushOptions{Destination: reg.Addr + "/" + to, Compression: how, Credential: joe})
				require.NoError(t, err)
				require.Equal(t, layer.Digest, layerOf(to).Digest)
				var n int64
				for _, r := range reg.Server.Requests() {
					if r.Method == http.MethodPatch || r.Method == http.MethodPut {
						n += r.BytesIn
					}
				}
				return n
			}
			require.Less(t, sent(img.ID, name+"/again"), layer.Size/2, "manifest and configuration")
			if name != "gzip" {
				return
			}
			_, err = build(t, other, "FROM "+reg.Addr+"/"+name+"\nCOPY g /g\n", image.BuildOptions{Tags: []string{"derived"}}, map[string]string{"g": "small"})
			require.NoError(t, err)
			require.Less(t, sent("derived", name+"/derived"), layer.Size/2, "manifest, configuration and the new layer")
		})
	}
}
