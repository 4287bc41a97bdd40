package transfer_test

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/caisson-dev/caisson/agent/internal/images"
	"github.com/caisson-dev/caisson/agent/internal/images/transfer"
	"github.com/caisson-dev/caisson/internal/api"
)

func tarOf(t testing.TB, files ...string) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for i := 0; i < len(files); i += 2 {
		require.NoError(t, w.WriteHeader(&tar.Header{Name: files[i], Typeflag: tar.TypeReg, Mode: 0o644, Size: int64(len(files[i+1]))}))
		_, err := w.Write([]byte(files[i+1]))
		require.NoError(t, err)
	}
	require.NoError(t, w.Close())
	return b.Bytes()
}

func blob(text string) (digest, path string) {
	sum := fmt.Sprintf("%x", sha256.Sum256([]byte(text)))
	return "sha256:" + sum, "blobs/sha256/" + sum
}

// FuzzArchive fuzzes what Load makes of JSON texts: manifest.json and a configuration of docker save's format, and the
// index, the manifest and the configuration of an OCI layout, whose digests are made right, so that they are read.
// What is refused is called corrupt, invalid or unsupported, and names are full, and without a digest.
func FuzzArchive(f *testing.F) {
	id, _ := blob("layer")
	config := fmt.Sprintf(`{"os":"linux","architecture":"amd64","rootfs":{"type":"layers","diff_ids":[%q]}}`, id)
	docker := `[{"Config":"c","RepoTags":["a:1","b/c"],"Layers":["l"]}]`
	index := `{"schemaVersion":2,"manifests":[{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":"MANIFEST","size":%d,"annotations":{"org.opencontainers.image.ref.name":"a/b:1"}}]}`
	manifest := `{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"CONFIG","size":%d},"layers":[{"mediaType":"application/vnd.oci.image.layer.v1.tar","digest":"LAYER","size":5}]}`
	manifest = fmt.Sprintf(manifest, len(config))
	// With its digests, which are as long as the names, a manifest is longer than now.
	size := len(manifest) + 2*len(id) - len("CONFIG") - len("LAYER")
	f.Add(true, docker, "", config)
	f.Add(true, `[{"Config":"c","Layers":["l","l"]}]`, "", config)
	f.Add(true, `[{"Config":"../c","RepoTags":["UPPER"],"Layers":["/l"]},null]`, "", config)
	f.Add(true, `[]`, "", `null`)
	f.Add(false, fmt.Sprintf(index, size), manifest, config)
	f.Add(false, fmt.Sprintf(index, 0), manifest, config)
	f.Add(false, `{"manifests":[{"digest":"sha256:../../x"}]}`, manifest, config)
	f.Add(false, fmt.Sprintf(index, size), `{"manifests":[{"digest":"CONFIG"}]}`, config)
	f.Add(false, `{}`, `{}`, `{}`)
	f.Fuzz(func(t *testing.T, docker bool, index, manifest, config string) {
		var b []byte
		if docker {
			b = tarOf(t, "manifest.json", index, "c", config, "l", "layer")
		} else {
			replace := func(text, word, with string) string {
				return string(bytes.ReplaceAll([]byte(text), []byte(word), []byte(with)))
			}
			configID, configPath := blob(config)
			manifest = replace(replace(manifest, "CONFIG", configID), "LAYER", id)
			manifestID, manifestPath := blob(manifest)
			_, layerPath := blob("layer")
			b = tarOf(t, "oci-layout", `{"imageLayoutVersion":"1.0.0"}`, "index.json", replace(index, "MANIFEST", manifestID), configPath, config, layerPath, "layer", manifestPath, manifest)
		}
		readArchive(t, b)
	})
}

// FuzzArchiveTar is FuzzArchive for the tar around them.
func FuzzArchiveTar(f *testing.F) {
	f.Add(tarOf(f, "manifest.json", "[]"))
	f.Add(tarOf(f, "./manifest.json", `[{"Config":"c","Layers":[]}]`, "c", `{"rootfs":{}}`))
	f.Add(tarOf(f, "index.json", `{"manifests":[]}`, "oci-layout", "{}"))
	f.Add(tarOf(f, "index.json", `{}`, "manifest.json", ""))
	f.Add([]byte("\x1f\x8b\x08"))
	f.Fuzz(readArchive)
}

func readArchive(t *testing.T, b []byte) {
	outer := t.TempDir()
	dir := filepath.Join(outer, "dir")
	require.NoError(t, os.Mkdir(dir, 0o700))
	names, err := transfer.ReadArchive(t.Context(), dir, bytes.NewReader(b))
	left, rerr := os.ReadDir(outer)
	require.NoError(t, rerr)
	require.Len(t, left, 1)
	if err != nil {
		require.True(t, errors.Is(err, api.ErrCorrupt) || errors.Is(err, api.ErrInvalidArgument) || errors.Is(err, api.ErrUnsupported) || errors.Is(err, api.ErrDigestMismatch), err)
		require.NotContains(t, err.Error(), outer)
		return
	}
	for _, list := range names {
		for _, n := range list {
			full, err := images.NormalizeTag(n)
			require.NoError(t, err)
			require.Equal(t, n, full)
		}
	}
}
