package transfer

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/opencontainers/go-digest"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/caisson-dev/caisson/internal/api"
)

// What stands beside images in an index is left out when an archive is loaded.
func TestIsImage(t *testing.T) {
	manifest := func(s string) string { return `{"schemaVersion":2,` + s + `}` }
	config := func(mediaType string) string { return manifest(`"config":{"mediaType":"` + mediaType + `"}`) }
	for name, c := range map[string]struct {
		manifest string
		d        v1.Descriptor
		want     bool
	}{
		"an image":                 {config(v1.MediaTypeImageConfig), v1.Descriptor{Platform: &v1.Platform{OS: "linux", Architecture: "amd64"}}, true},
		"Docker's":                 {config("application/vnd.docker.container.image.v1+json"), v1.Descriptor{}, true},
		"without a type":           {config(""), v1.Descriptor{}, true},
		"an index":                 {manifest(`"manifests":[]`), v1.Descriptor{}, true},
		"an attestation":           {config(v1.MediaTypeImageConfig), v1.Descriptor{Annotations: map[string]string{"vnd.docker.reference.type": "attestation-manifest"}}, false},
		"of an unknown platform":   {config(v1.MediaTypeImageConfig), v1.Descriptor{Platform: &v1.Platform{OS: "unknown", Architecture: "unknown"}}, false},
		"an artifact":              {manifest(`"artifactType":"application/spdx+json","config":{"mediaType":"application/vnd.oci.empty.v1+json"}`), v1.Descriptor{}, false},
		"an artifact by the index": {config(v1.MediaTypeImageConfig), v1.Descriptor{ArtifactType: "application/spdx+json"}, false},
		"a chart":                  {config("application/vnd.cncf.helm.config.v1+json"), v1.Descriptor{}, false},
	} {
		dir := t.TempDir()
		c.d.Digest = digest.FromString(c.manifest)
		require.NoError(t, os.MkdirAll(filepath.Join(dir, "blobs", "sha256"), 0o700))
		require.NoError(t, os.WriteFile(filepath.Join(dir, "blobs", "sha256", c.d.Digest.Encoded()), []byte(c.manifest), 0o600))
		assert.Equal(t, c.want, isImage(dir, c.d), name)
	}
}

// Upstream reads an OCI layout without bounds or checks: what could mislead it is refused before.
func TestCheckLayout(t *testing.T) {
	const text = `{"schemaVersion":2}`
	d := digest.FromString(text)
	good := v1.Descriptor{Digest: d, Size: int64(len(text))}
	with := func(edit func(d *v1.Descriptor)) v1.Descriptor {
		c := good
		edit(&c)
		return c
	}
	for name, c := range map[string]struct {
		index []v1.Descriptor
		prep  func(t *testing.T, dir string)
		want  error
		says  string
	}{
		"good":                {[]v1.Descriptor{good}, nil, nil, ""},
		"no index":            {nil, func(t *testing.T, dir string) { require.NoError(t, os.Remove(filepath.Join(dir, "index.json"))) }, api.ErrCorrupt, "lacks index.json"},
		"a digest like a way": {[]v1.Descriptor{with(func(d *v1.Descriptor) { d.Digest = "sha256:../../x" })}, nil, api.ErrCorrupt, "names a manifest"},
		"another size":        {[]v1.Descriptor{with(func(d *v1.Descriptor) { d.Size++ })}, nil, api.ErrCorrupt, "bytes"},
		"missing":             {[]v1.Descriptor{with(func(d *v1.Descriptor) { d.Digest = digest.FromString("x") })}, nil, api.ErrCorrupt, "lacks blobs/sha256/"},
		"damaged": {[]v1.Descriptor{good}, func(t *testing.T, dir string) {
			require.NoError(t, os.WriteFile(filepath.Join(dir, "blobs", "sha256", d.Encoded()), []byte(strings.ToUpper(text)), 0o600))
		}, api.ErrDigestMismatch, "damaged"},
		"a link": {[]v1.Descriptor{good}, func(t *testing.T, dir string) {
			require.NoError(t, os.Symlink("/dev/zero", filepath.Join(dir, "blobs", "sha256", "z")))
		}, api.ErrInvalidArgument, "blobs/sha256/z is a link"},
		"too large": {nil, func(t *testing.T, dir string) {
			require.NoError(t, os.Truncate(filepath.Join(dir, "index.json"), maxManifest+1))
		}, api.ErrCorrupt, "more than 4 MiB"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			require.NoError(t, os.MkdirAll(filepath.Join(dir, "blobs", "sha256"), 0o700))
			require.NoError(t, os.WriteFile(filepath.Join(dir, "blobs", "sha256", d.Encoded()), []byte(text), 0o600))
			b, err := json.Marshal(v1.Index{Manifests: c.index})
			require.NoError(t, err)
			require.NoError(t, os.WriteFile(filepath.Join(dir, "index.json"), b, 0o600))
			if c.prep != nil {
				c.prep(t, dir)
			}
			err = checkLayout(dir)
			if c.want == nil {
				require.NoError(t, err)
				return
			}
			require.ErrorIs(t, err, c.want)
			assert.ErrorContains(t, err, c.says)
			assert.NotContains(t, err.Error(), dir)
		})
	}
}
