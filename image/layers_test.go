package image_test

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"iter"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/caisson-dev/caisson/image"
	"github.com/caisson-dev/caisson/internal/testenv"
	"github.com/caisson-dev/caisson/registry/server"
)

// TestHostileLayers has images whose layers attack the store pulled, loaded and imported. What they name lies in the
// image or nowhere.
func TestHostileLayers(t *testing.T) {
	t.Parallel()
	testenv.Slow(t)
	reg := serve(t, server.Options{}, server.ServeOptions{})
	s := open(t)
	file := func(name string) tar.Header {
		return tar.Header{Name: name, Mode: 0o644, Size: 1, Typeflag: tar.TypeReg}
	}
	link := func(name, to string) tar.Header {
		return tar.Header{Name: name, Linkname: to, Typeflag: tar.TypeSymlink, Mode: 0o777}
	}
	hard := func(name, to string) tar.Header {
		return tar.Header{Name: name, Linkname: to, Typeflag: tar.TypeLink, Mode: 0o644}
	}
	dir := func(name string) tar.Header { return tar.Header{Name: name, Typeflag: tar.TypeDir, Mode: 0o755} }
	for name, c := range map[string]struct {
		entries []tar.Header
		tree    []string // what the image has then; nil when it must be refused
		fails   bool
	}{
		"absolute":               {entries: []tar.Header{file("/etc/x")}, tree: []string{"etc", "etc/x"}},
		"dot dot":                {entries: []tar.Header{file("../../../x")}, tree: []string{"x"}},
		"dot dot to a file":      {entries: []tar.Header{file("../../../../../../../../etc/passwd")}, tree: []string{"etc", "etc/passwd"}},
		"through a link to one":  {entries: []tar.Header{link("l", "/"), dir("etc"), file("l/etc/passwd")}, tree: []string{"etc", "etc/passwd", "l"}},
		"its directory a link":   {entries: []tar.Header{file("d/passwd"), link("d", "/etc")}, fails: true},
		"hidden, then a link":    {entries: []tar.Header{file("d/passwd"), {Name: ".wh.d", Typeflag: tar.TypeReg}, link("d", "/etc")}, fails: true},
		"through a link":         {entries: []tar.Header{link("l", "/tmp"), dir("tmp"), file("l/x")}, tree: []string{"l", "tmp", "tmp/x"}},
		"through a link out":     {entries: []tar.Header{link("l", "../../../../tmp"), dir("tmp"), file("l/x")}, tree: []string{"l", "tmp", "tmp/x"}},
		"hard link out":          {entries: []tar.Header{hard("h", "../../../../etc/passwd")}, fails: true},
		"file over link":         {entries: []tar.Header{link("l", "/etc/passwd"), file("l")}, fails: true},
		"file over directory":    {entries: []tar.Header{dir("d"), file("d/x"), file("d")}, fails: true},
		"directory over file":    {entries: []tar.Header{file("d"), dir("d"), file("d/x")}, fails: true},
		"twice the same":         {entries: []tar.Header{file("x"), file("x")}, fails: true},
		"file over device":       {entries: []tar.Header{{Name: "d", Typeflag: tar.TypeChar, Devmajor: 1, Devminor: 3, Mode: 0o666}, file("d")}, fails: true},
		"file over pipe":         {entries: []tar.Header{{Name: "p", Typeflag: tar.TypeFifo, Mode: 0o666}, file("p")}, fails: true},
		"file for the root":      {entries: []tar.Header{file(".")}, fails: true},
		"whiteout of the parent": {entries: []tar.Header{{Name: ".wh...", Typeflag: tar.TypeReg, Mode: 0o644}}, fails: true},
		"whiteout with content":  {entries: []tar.Header{file(".wh.x")}, fails: true},
		"long name":              {entries: []tar.Header{file(strings.Repeat("x", 300))}, fails: true},
		"deep":                   {entries: []tar.Header{file(strings.Repeat("d/", 3000) + "x")}, fails: true},
		"unknown type":           {entries: []tar.Header{{Name: "x", Typeflag: 'Z', Mode: 0o644}}, fails: true},
	} {
		t.Run(name, func(t *testing.T) {
			layer := layerTar(t, c.entries)
			for way, img := range waysIn(t, s, reg.Addr, layer) {
				if c.fails {
					require.Error(t, img.err, way)
					require.NotContains(t, img.err.Error(), s.Root(), way)
					require.Less(t, len(img.err.Error()), 1000, way)
					t.Log(way, img.err)
					requireNoLayers(t, s)
					continue
				}
				require.NoError(t, img.err, way)
				require.Equal(t, c.tree, tree(t, s, img.Image), way)
				// What leaves the store again is the layer's, and not the host's of that name.
				require.NoError(t, s.Save(t.Context(), io.Discard, []string{img.ID}, image.SaveOptions{}), way)
				_, err := s.Remove(t.Context(), img.ID, image.RemoveOptions{Force: true})
				require.NoError(t, err)
				requireNoLayers(t, s)
			}
		})
	}
}

type arrived struct {
	*image.Image
	err error
}

// waysIn brings an image of one layer into the store in each way that there is, one after the other.
func waysIn(t *testing.T, s *image.Store, addr string, layer []byte) iter.Seq2[string, arrived] {
	t.Helper()
	pushRaw(t, addr, "hostile", [][]byte{layer})
	return func(yield func(string, arrived) bool) {
		img, err := s.Pull(t.Context(), addr+"/hostile:1", image.PullOptions{})
		if !yield("pull", arrived{img, err}) {
			return
		}
		for format, archive := range map[image.Format][]byte{
			image.FormatOCI:    ociArchive(t, []rawLayer{{layer, "application/vnd.oci.image.layer.v1.tar", digestOf(layer)}}),
			image.FormatDocker: dockerArchive(t, layer),
		} {
			imgs, err := s.Load(t.Context(), bytes.NewReader(archive), image.LoadOptions{})
			if err == nil {
				img = &imgs[0]
			}
			if !yield("load of "+string(format), arrived{img, err}) {
				return
			}
		}
		img, err = s.Import(t.Context(), bytes.NewReader(layer), image.ImportOptions{})
		yield("import", arrived{img, err})
	}
}

// dockerArchive is an image of one layer as docker save writes it.
func dockerArchive(t *testing.T, layer []byte) []byte {
	t.Helper()
	return rootTar(t, map[string]string{
		"manifest.json": `[{"Config":"config.json","Layers":["layer.tar"]}]`,
		"config.json":   fmt.Sprintf(`{"os":"linux","architecture":"amd64","rootfs":{"type":"layers","diff_ids":[%q]}}`, digestOf(layer)),
		"layer.tar":     string(layer),
	})
}

// TestWhiteouts: what a layer takes away is gone, and the image that is pushed again is the same.
func TestWhiteouts(t *testing.T) {
	t.Parallel()
	reg := serve(t, server.Options{}, server.ServeOptions{})
	s := open(t)
	_, err := build(t, s, base+"RUN mkdir /d && echo 1 > /d/1 && echo 2 > /d/2 && echo x > /x && echo y > /y\nRUN rm /x && rm /d && mkdir /d && echo 3 > /d/3\n",
		image.BuildOptions{Tags: []string{"app"}}, nil)
	require.NoError(t, err)
	_, err = s.Push(t.Context(), "app", image.PushOptions{Destination: reg.Addr + "/app"})
	require.NoError(t, err)
	other := open(t)
	img, err := other.Pull(t.Context(), reg.Addr+"/app", image.PullOptions{})
	require.NoError(t, err)
	require.NoError(t, other.Tag(t.Context(), img.ID, "pulled"))
	require.Equal(t, "3", run(t, other, "FROM pulled\nRUN ls /d\n", image.BuildOptions{}, nil))
	_, err = build(t, other, "FROM pulled\nRUN cat /x\n", image.BuildOptions{}, nil)
	require.ErrorIs(t, err, image.ErrBuildStep)
	// Every byte of the layers' tars is made again of files and tar-split's notes, or these digests would differ.
	var out bytes.Buffer
	require.NoError(t, other.Save(t.Context(), &out, []string{"pulled"}, image.SaveOptions{}))
	third := open(t)
	loaded, err := third.Load(t.Context(), &out, image.LoadOptions{})
	require.NoError(t, err)
	require.Equal(t, img.ID, loaded[0].ID)
	require.Equal(t, img.Layers, loaded[0].Layers)
}

func layerTar(t *testing.T, entries []tar.Header) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, h := range entries {
		require.NoError(t, w.WriteHeader(&h))
		if h.Size > 0 {
			_, err := w.Write([]byte("x"))
			require.NoError(t, err)
		}
	}
	require.NoError(t, w.Close())
	return b.Bytes()
}

// rawLayer is a layer as it is put into a registry.
type rawLayer struct {
	blob              []byte
	mediaType, diffID string
}

// pushRaw puts an image of plain layers into a registry, as it is.
func pushRaw(t *testing.T, addr, repo string, layers [][]byte) {
	t.Helper()
	var raw []rawLayer
	for _, l := range layers {
		raw = append(raw, rawLayer{l, "application/vnd.oci.image.layer.v1.tar", digestOf(l)})
	}
	pushLayers(t, addr, repo, raw)
}

func pushLayers(t *testing.T, addr, repo string, layers []rawLayer) {
	t.Helper()
	man, blobs := rawImage(t, layers)
	for _, b := range blobs {
		resp, err := http.Post(fmt.Sprintf("http://%s/v2/%s/blobs/uploads/?digest=%s", addr, repo, digestOf(b)), "application/octet-stream", bytes.NewReader(b))
		require.NoError(t, err)
		defer resp.Body.Close()
		require.Equal(t, http.StatusCreated, resp.StatusCode)
	}
	req, err := http.NewRequest(http.MethodPut, fmt.Sprintf("http://%s/v2/%s/manifests/1", addr, repo), bytes.NewReader(man))
	require.NoError(t, err)
	req.Header.Set("Content-Type", manifestType)
	resp, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	require.Equal(t, http.StatusCreated, resp.StatusCode, "%s", b)
}

const manifestType = "application/vnd.oci.image.manifest.v1+json"

type rawDescriptor struct {
	MediaType string `json:"mediaType"`
	Digest    string `json:"digest"`
	Size      int    `json:"size"`
}

// rawImage returns the manifest of layers, and the blobs that it names.
func rawImage(t testing.TB, layers []rawLayer) (manifest []byte, blobs [][]byte) {
	t.Helper()
	put := func(b []byte, mediaType string) rawDescriptor {
		blobs = append(blobs, b)
		return rawDescriptor{mediaType, digestOf(b), len(b)}
	}
	var diffs []string
	var descs []rawDescriptor
	for _, l := range layers {
		diffs = append(diffs, l.diffID)
		descs = append(descs, put(l.blob, l.mediaType))
	}
	cfg, err := json.Marshal(map[string]any{"os": "linux", "architecture": "amd64", "created": time.Now(), "rootfs": map[string]any{"type": "layers", "diff_ids": diffs}})
	require.NoError(t, err)
	manifest, err = json.Marshal(map[string]any{
		"schemaVersion": 2, "mediaType": manifestType, "config": put(cfg, "application/vnd.oci.image.config.v1+json"), "layers": descs,
	})
	require.NoError(t, err)
	return manifest, blobs
}

// ociArchive is an image of layers as Load takes it.
func ociArchive(t testing.TB, layers []rawLayer) []byte {
	t.Helper()
	man, blobs := rawImage(t, layers)
	index, err := json.Marshal(map[string]any{"schemaVersion": 2, "manifests": []rawDescriptor{{manifestType, digestOf(man), len(man)}}})
	require.NoError(t, err)
	files := map[string][]byte{"oci-layout": []byte(`{"imageLayoutVersion":"1.0.0"}`), "index.json": index}
	for _, b := range append(blobs, man) {
		files["blobs/sha256/"+strings.TrimPrefix(digestOf(b), "sha256:")] = b
	}
	var out bytes.Buffer
	w := tar.NewWriter(&out)
	for name, b := range files {
		require.NoError(t, w.WriteHeader(&tar.Header{Name: name, Typeflag: tar.TypeReg, Size: int64(len(b)), Mode: 0o644}))
		_, err := w.Write(b)
		require.NoError(t, err)
	}
	require.NoError(t, w.Close())
	return out.Bytes()
}

func digestOf(b []byte) string {
	sum := sha256.Sum256(b)
	return "sha256:" + hex.EncodeToString(sum[:])
}
