package image_test

import (
	"archive/tar"
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/caisson-dev/caisson/image"
	"github.com/caisson-dev/caisson/internal/testenv"
	"github.com/caisson-dev/caisson/registry/server"
)

// broken is an image in pieces that a test damages before it is put into a registry.
type broken struct {
	config, layer         []byte
	layerType, diffID     string
	configSize, layerSize int // what the manifest says
}

// TestHostileManifests pulls images whose manifests and configurations lie. Nothing of them is left.
func TestHostileManifests(t *testing.T) {
	t.Parallel()
	testenv.Slow(t)
	reg := serve(t, server.Options{}, server.ServeOptions{})
	layer := layerTar(t, []tar.Header{{Name: "x", Typeflag: tar.TypeReg, Size: 1, Mode: 0o644}})
	s := open(t)
	// What is no danger, and what other tools take.
	safe := map[string]bool{"a layer of unknown type": true, "a layer that is empty": true}
	for name, damage := range map[string]func(b *broken){
		"the layer's size is too small":     func(b *broken) { b.layerSize -= 512 },
		"the layer's size is too large":     func(b *broken) { b.layerSize += 512 },
		"the configuration's size is wrong": func(b *broken) { b.configSize++ },
		"the configuration is no JSON":      func(b *broken) { b.config = []byte("nonsense") },
		"the configuration is an array":     func(b *broken) { b.config = []byte("[]") },
		"the configuration has 20 MB": func(b *broken) {
			b.config = fmt.Appendf(nil, `{"os":"linux","architecture":"amd64","rootfs":{"type":"layers","diff_ids":[%q]},"author":%q}`, digestOf(layer), strings.Repeat("x", 20<<20))
		},
		"another diff id":                    func(b *broken) { b.diffID = digestOf([]byte("other")) },
		"no diff id":                         func(b *broken) { b.diffID = "" },
		"a layer of unknown type":            func(b *broken) { b.layerType = "application/vnd.example.unknown" },
		"a layer that says gzip and is not":  func(b *broken) { b.layer = []byte("\x1f\x8bnonsense, and more of it") },
		"a configuration of 100 MB, it says": func(b *broken) { b.configSize = 100 << 20 },
		"the layer is encrypted":             func(b *broken) { b.layerType = "application/vnd.oci.image.layer.v1.tar+encrypted" },
		"a layer that says zstd and is not":  func(b *broken) { b.layer = []byte("\x28\xb5\x2f\xfdnonsense, and more of it") },
		"a layer that is no tar":             func(b *broken) { b.layer = bytes.Repeat([]byte("nonsense"), 200) },
		"a layer that ends early":            func(b *broken) { b.layer = layer[:512] },
		"a layer that is empty":              func(b *broken) { b.layer = nil },
	} {
		t.Run(name, func(t *testing.T) {
			b := &broken{layer: layer, layerType: "application/vnd.oci.image.layer.v1.tar", diffID: "layer"}
			damage(b)
			pushBroken(t, reg.Addr, "broken", b, damage)
			_, err := s.Pull(t.Context(), reg.Addr+"/broken:1", image.PullOptions{})
			if safe[name] {
				require.NoError(t, err)
				_, err = s.Remove(t.Context(), reg.Addr+"/broken:1", image.RemoveOptions{})
				require.NoError(t, err)
				requireNoLayers(t, s)
				return
			}
			require.Error(t, err)
			t.Log(err)
			require.NotContains(t, err.Error(), "panic")
			requireNoLayers(t, s)
			list, err := s.List(t.Context(), image.ListOptions{All: true})
			require.NoError(t, err)
			require.Empty(t, list)
		})
	}
}

// pushBroken puts the pieces into a registry. damage runs twice: on what the sizes are computed of, and on the sizes.
func pushBroken(t *testing.T, addr, repo string, b *broken, damage func(b *broken)) {
	t.Helper()
	put := func(blob []byte) string {
		d := digestOf(blob)
		resp, err := http.Post(fmt.Sprintf("http://%s/v2/%s/blobs/uploads/?digest=%s", addr, repo, d), "application/octet-stream", bytes.NewReader(blob))
		require.NoError(t, err)
		defer resp.Body.Close()
		require.Equal(t, http.StatusCreated, resp.StatusCode)
		return d
	}
	if b.diffID == "layer" {
		b.diffID = digestOf(b.layer)
	}
	diffIDs := []string{b.diffID}
	if b.diffID == "" {
		diffIDs = []string{}
	}
	if b.config == nil {
		var err error
		b.config, err = json.Marshal(map[string]any{"os": "linux", "architecture": "amd64", "rootfs": map[string]any{"type": "layers", "diff_ids": diffIDs}})
		require.NoError(t, err)
	}
	b.configSize, b.layerSize = len(b.config), len(b.layer)
	damage(b)
	man, err := json.Marshal(map[string]any{
		"schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json",
		"config": map[string]any{"mediaType": "application/vnd.oci.image.config.v1+json", "digest": put(b.config), "size": b.configSize},
		"layers": []any{map[string]any{"mediaType": b.layerType, "digest": put(b.layer), "size": b.layerSize}},
	})
	require.NoError(t, err)
	req, err := http.NewRequest(http.MethodPut, fmt.Sprintf("http://%s/v2/%s/manifests/1", addr, repo), strings.NewReader(string(man)))
	require.NoError(t, err)
	req.Header.Set("Content-Type", "application/vnd.oci.image.manifest.v1+json")
	resp, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	defer resp.Body.Close()
	require.Equal(t, http.StatusCreated, resp.StatusCode)
}
