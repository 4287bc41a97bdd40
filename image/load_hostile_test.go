package image_test

import (
	"archive/tar"
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/caisson-dev/caisson/image"
)

// member is an entry of an archive; with a link, what it leads to.
type member struct{ name, text, link string }

func members(t *testing.T, list []member) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, m := range list {
		h := tar.Header{Name: m.name, Mode: 0o644, Typeflag: tar.TypeReg, Size: int64(len(m.text))}
		if m.link != "" {
			h.Typeflag, h.Linkname = tar.TypeSymlink, m.link
		}
		require.NoError(t, w.WriteHeader(&h))
		_, err := w.Write([]byte(m.text))
		require.NoError(t, err)
	}
	require.NoError(t, w.Close())
	return b.Bytes()
}

// ociImage is an image in the pieces of an OCI layout, which a test damages before they are packed.
type ociImage struct {
	config, manifest, index map[string]any
	raw                     map[string]string // what stands in the place of "config", "manifest" or "index"
	layer                   string
	missing, linked         string // blobs: "config", "layer" or "manifest"
	target                  string // of the link
	more                    []member
}

func (i *ociImage) first(list string, of map[string]any) map[string]any {
	return of[list].([]map[string]any)[0]
}

// pack puts the pieces together; damage is called when each has its digest, to lie about it.
func (i *ociImage) pack(t *testing.T, damage func(*ociImage)) []byte {
	t.Helper()
	text := func(name string, v map[string]any) string {
		if s, ok := i.raw[name]; ok {
			return s
		}
		b, err := json.Marshal(v)
		require.NoError(t, err)
		return string(b)
	}
	desc := func(kind, blob string) map[string]any {
		return map[string]any{"mediaType": kind, "digest": digestOf([]byte(blob)), "size": len(blob)}
	}
	i.raw = map[string]string{}
	i.layer = string(layerTar(t, []tar.Header{{Name: "x", Typeflag: tar.TypeReg, Size: 1, Mode: 0o644}}))
	i.config = map[string]any{"os": "linux", "architecture": "amd64", "rootfs": map[string]any{"type": "layers", "diff_ids": []string{digestOf([]byte(i.layer))}}}
	i.manifest = map[string]any{"schemaVersion": 2, "mediaType": manifestType, "layers": []map[string]any{desc("application/vnd.oci.image.layer.v1.tar", i.layer)}}
	i.index = map[string]any{"schemaVersion": 2}
	damage(i)
	config := text("config", i.config)
	i.manifest["config"] = desc("application/vnd.oci.image.config.v1+json", config)
	damage(i)
	manifest := text("manifest", i.manifest)
	i.index["manifests"] = []map[string]any{desc(manifestType, manifest)}
	i.more = nil
	damage(i)
	list := append([]member{{name: "oci-layout", text: `{"imageLayoutVersion":"1.0.0"}`}, {name: "index.json", text: text("index", i.index)}}, i.more...)
	for name, blob := range map[string]string{"config": config, "layer": i.layer, "manifest": manifest} {
		m := member{name: "blobs/sha256/" + strings.TrimPrefix(digestOf([]byte(blob)), "sha256:"), text: blob}
		if name == i.linked {
			m.text, m.link = "", i.target
		}
		if name != i.missing {
			list = append(list, m)
		}
	}
	return members(t, list)
}

// TestHostileOCIArchives: archives whose parts lie about each other are refused with what is wrong, and leave nothing.
func TestHostileOCIArchives(t *testing.T) {
	t.Parallel()
	s := open(t)
	big := strings.Repeat(" ", 12<<20)
	for name, c := range map[string]struct {
		damage func(*ociImage)
		want   error
		says   string
	}{
		"nothing":                        {func(*ociImage) {}, nil, ""},
		"the layer is shorter":           {func(i *ociImage) { i.first("layers", i.manifest)["size"] = len(i.layer) + 512 }, image.ErrCorrupt, "bytes"},
		"the layer is longer":            {func(i *ociImage) { i.first("layers", i.manifest)["size"] = len(i.layer) - 512 }, image.ErrDigestMismatch, "layer"},
		"the layer has no size":          {func(i *ociImage) { delete(i.first("layers", i.manifest), "size") }, image.ErrDigestMismatch, "layer"},
		"the layer's size is below zero": {func(i *ociImage) { i.first("layers", i.manifest)["size"] = -1 }, image.ErrCorrupt, "size"},
		"another layer's digest":         {func(i *ociImage) { i.first("layers", i.manifest)["digest"] = digestOf([]byte("other")) }, image.ErrCorrupt, "lacks"},
		"a digest that is a path":        {func(i *ociImage) { i.first("layers", i.manifest)["digest"] = "sha256:../../../../etc/passwd" }, image.ErrCorrupt, "digest"},
		"no layer":                       {func(i *ociImage) { i.missing = "layer" }, image.ErrCorrupt, "lacks"},
		"no configuration":               {func(i *ociImage) { i.missing = "config" }, image.ErrCorrupt, "lacks"},
		"no manifest":                    {func(i *ociImage) { i.missing = "manifest" }, image.ErrCorrupt, "lacks blobs/sha256/"},
		"the manifest is a link":         {func(i *ociImage) { i.linked, i.target = "manifest", "/dev/zero" }, image.ErrInvalidArgument, "is a link"},
		"the layer is a link":            {func(i *ociImage) { i.linked, i.target = "layer", "/dev/zero" }, image.ErrInvalidArgument, "is a link"},
		"the configuration is a link":    {func(i *ociImage) { i.linked, i.target = "config", "../../../../etc/passwd" }, image.ErrInvalidArgument, "is a link"},
		"the manifest is shorter":        {func(i *ociImage) { i.lie("size", 100_000) }, image.ErrCorrupt, "bytes"},
		"another manifest's digest":      {func(i *ociImage) { i.lie("digest", "sha256:"+strings.Repeat("0", 64)) }, image.ErrCorrupt, "lacks"},
		"a manifest's digest is a path":  {func(i *ociImage) { i.lie("digest", "sha256:../../../index.json") }, image.ErrCorrupt, "manifest"},
		"a manifest of unknown type": {func(i *ociImage) {
			i.manifest["mediaType"] = "application/vnd.example"
			i.lie("mediaType", "application/vnd.example")
		}, image.ErrCorrupt, "unsupported"},
		"a configuration of unknown type": {func(i *ociImage) {
			if c, ok := i.manifest["config"].(map[string]any); ok {
				c["mediaType"] = "application/vnd.example"
			}
		}, image.ErrCorrupt, "does not name an image"}, // it is an artifact, which Load leaves out
		"an encrypted layer": {func(i *ociImage) {
			i.first("layers", i.manifest)["mediaType"] = "application/vnd.oci.image.layer.v1.tar+encrypted"
		}, image.ErrUnsupported, "encrypted"},
		"more layers than diff ids": {func(i *ociImage) { i.config["rootfs"] = map[string]any{"type": "layers", "diff_ids": []string{}} }, image.ErrCorrupt, "layers"},
		"another diff id": {func(i *ociImage) {
			i.config["rootfs"] = map[string]any{"type": "layers", "diff_ids": []string{digestOf([]byte("x"))}}
		}, image.ErrDigestMismatch, "configuration"},
		"the configuration is no JSON":     {func(i *ociImage) { i.raw["config"] = "nonsense" }, image.ErrCorrupt, "configuration"},
		"the configuration has 12 MB":      {func(i *ociImage) { i.raw["config"] = big }, image.ErrCorrupt, "configuration"},
		"the manifest is no JSON":          {func(i *ociImage) { i.raw["manifest"] = "nonsense" }, image.ErrCorrupt, "blobs/sha256/"},
		"the manifest has 12 MB":           {func(i *ociImage) { i.raw["manifest"] = big }, image.ErrCorrupt, "MiB"},
		"the index is no JSON":             {func(i *ociImage) { i.raw["index"] = "nonsense" }, image.ErrCorrupt, "index.json"},
		"the index has 12 MB":              {func(i *ociImage) { i.raw["index"] = big }, image.ErrCorrupt, "index.json has more than"},
		"the index is empty":               {func(i *ociImage) { i.raw["index"] = `{"schemaVersion":2,"manifests":[]}` }, image.ErrCorrupt, "does not name an image"},
		"a layer with addresses":           {func(i *ociImage) { i.first("layers", i.manifest)["urls"] = []string{"http://127.0.0.1:1/layer"} }, nil, ""},
		"the same manifest twice":          {func(i *ociImage) { i.twice() }, nil, ""},
		"an index in an index in an index": {func(i *ociImage) { i.nest(t, 3) }, image.ErrCorrupt, ""},
		"an index in an index":             {func(i *ociImage) { i.nest(t, 1) }, nil, ""},
	} {
		t.Run(name, func(t *testing.T) {
			requireLoad(t, s, (&ociImage{}).pack(t, c.damage), c.want, c.says)
		})
	}
}

// requireLoad loads an archive, and has nothing in the store when that fails, or when what came is removed again.
func requireLoad(t *testing.T, s *image.Store, archive []byte, want error, says string) {
	t.Helper()
	imgs, err := s.Load(t.Context(), bytes.NewReader(archive), image.LoadOptions{})
	if want == nil {
		require.NoError(t, err)
		require.Len(t, imgs, 1)
		_, err = s.Remove(t.Context(), imgs[0].ID, image.RemoveOptions{Force: true})
		require.NoError(t, err)
	} else {
		t.Log(err)
		require.ErrorIs(t, err, want)
		require.ErrorContains(t, err, says)
		require.ErrorContains(t, err, "load images: ")
		require.NotContains(t, err.Error(), s.Root())
		require.Less(t, len(err.Error()), 1000)
	}
	requireNoLayers(t, s)
	list, err := s.List(t.Context(), image.ListOptions{All: true})
	require.NoError(t, err)
	require.Empty(t, list)
}

// lie changes what the index says of the manifest, once it says something.
func (i *ociImage) lie(key string, value any) {
	if i.index["manifests"] != nil {
		i.first("manifests", i.index)[key] = value
	}
}

func (i *ociImage) twice() {
	if list, ok := i.index["manifests"].([]map[string]any); ok {
		i.index["manifests"] = append(list, list[0])
	}
}

// nest has index.json name an index, which names one, and so on, the last of which names the manifest.
func (i *ociImage) nest(t *testing.T, depth int) {
	if i.index["manifests"] == nil {
		return
	}
	i.first("manifests", i.index)["platform"] = map[string]any{"os": "linux", "architecture": "amd64"}
	const kind = "application/vnd.oci.image.index.v1+json"
	for range depth {
		b, err := json.Marshal(map[string]any{"schemaVersion": 2, "mediaType": kind, "manifests": i.index["manifests"]})
		require.NoError(t, err)
		i.more = append(i.more, member{name: "blobs/sha256/" + strings.TrimPrefix(digestOf(b), "sha256:"), text: string(b)})
		i.index["manifests"] = []map[string]any{{"mediaType": kind, "digest": digestOf(b), "size": len(b), "platform": map[string]any{"os": "linux", "architecture": "amd64"}}}
	}
}

// TestHostileDockerArchives is TestHostileOCIArchives for docker save's format.
func TestHostileDockerArchives(t *testing.T) {
	t.Parallel()
	s := open(t)
	layer := string(layerTar(t, []tar.Header{{Name: "x", Typeflag: tar.TypeReg, Size: 1, Mode: 0o644}}))
	config := func(ids ...string) string {
		b, err := json.Marshal(map[string]any{"os": "linux", "architecture": "amd64", "rootfs": map[string]any{"type": "layers", "diff_ids": ids}})
		require.NoError(t, err)
		return string(b)
	}
	id := digestOf([]byte(layer))
	list := func(manifest, config string, more ...member) []member {
		return append([]member{{name: "manifest.json", text: manifest}, {name: "config.json", text: config}}, more...)
	}
	const fine = `[{"Config":"config.json","Layers":["l/layer.tar"]}]`
	tarball := member{name: "l/layer.tar", text: layer}
	big := strings.Repeat(" ", 12<<20)
	for name, c := range map[string]struct {
		members []member
		want    error
		says    string
	}{
		"nothing":                      {list(fine, config(id), tarball), nil, ""},
		"the layer is a link in it":    {list(fine, config(id), member{name: "l/layer.tar", link: "../m/layer.tar"}, member{name: "m/layer.tar", text: layer}), image.ErrDigestMismatch, "layer"},
		"the layer is a link out":      {list(fine, config(id), member{name: "l/layer.tar", link: "/etc/passwd"}), image.ErrCorrupt, ""},
		"the layer's name is absolute": {list(`[{"Config":"config.json","Layers":["/etc/passwd"]}]`, config(id), tarball), image.ErrCorrupt, "missing"},
		"the layer's name leads out":   {list(`[{"Config":"config.json","Layers":["../../../etc/passwd"]}]`, config(id), tarball), image.ErrCorrupt, "missing"},
		"no layer":                     {list(fine, config(id)), image.ErrCorrupt, "missing"},
		"another layer":                {list(fine, config(digestOf([]byte("x"))), tarball), image.ErrDigestMismatch, "layer"},
		"a diff id that is a path":     {list(fine, config("sha256:../../x"), tarball), image.ErrCorrupt, "digest"},
		"more diff ids than layers":    {list(fine, config(id, id), tarball), image.ErrCorrupt, "layer count"},
		"no configuration":             {[]member{{name: "manifest.json", text: fine}, tarball}, image.ErrCorrupt, "config.json"},
		"the configuration's link":     {[]member{{name: "manifest.json", text: fine}, {name: "config.json", link: "/etc/passwd"}, tarball}, image.ErrCorrupt, ""},
		"the configuration is no JSON": {list(fine, "nonsense", tarball), image.ErrCorrupt, "config"},
		"the configuration has none":   {list(fine, "{}", tarball), image.ErrCorrupt, "config"},
		"the configuration has 12 MB":  {list(fine, config(id)+big, tarball), image.ErrCorrupt, ""},
		"the manifest has 12 MB":       {list(fine+big, config(id), tarball), image.ErrCorrupt, ""},
		"the manifest is empty":        {list("[]", config(id), tarball), image.ErrCorrupt, "does not name an image"},
		"the manifest is null":         {list("null", config(id), tarball), image.ErrCorrupt, "does not name an image"},
		"the manifest has null":        {list("[null]", config(id), tarball), image.ErrCorrupt, ""},
		"a name that is none":          {list(`[{"Config":"config.json","RepoTags":["UPPER::"],"Layers":["l/layer.tar"]}]`, config(id), tarball), image.ErrCorrupt, "UPPER"},
	} {
		t.Run(name, func(t *testing.T) { requireLoad(t, s, members(t, c.members), c.want, c.says) })
	}
	whole := members(t, list(fine, config(id), tarball))
	for _, at := range []int{1, 511, 513, 600, 1024, 1600, 2048, 2100, 2560, 2700, len(whole) - 1025} {
		t.Run(fmt.Sprint("ends after ", at), func(t *testing.T) {
			_, err := s.Load(t.Context(), bytes.NewReader(whole[:at]), image.LoadOptions{})
			require.ErrorIs(t, err, image.ErrCorrupt)
			requireNoLayers(t, s)
		})
	}
}
