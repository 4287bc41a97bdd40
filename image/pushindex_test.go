package image_test

import (
	"archive/tar"
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/caisson-dev/caisson/image"
	"github.com/caisson-dev/caisson/registry"
	"github.com/caisson-dev/caisson/registry/server"
)

// forPlatforms has an image with Docker's manifest for each platform, all of one layer.
func forPlatforms(t *testing.T, s *image.Store, platforms ...string) (ids []string) {
	t.Helper()
	layer := layerTar(t, []tar.Header{{Name: "f", Typeflag: tar.TypeReg, Mode: 0o644, Size: 1}})
	for _, p := range platforms {
		img, err := s.Import(t.Context(), bytes.NewReader(layer), image.ImportOptions{Platform: p, Changes: []string{"HEALTHCHECK CMD true"}})
		require.NoError(t, err)
		ids = append(ids, img.ID)
	}
	return ids
}

// asOCI has OCI images of the same, which lack the health check: a push with zstd makes them.
func asOCI(t *testing.T, s *image.Store, addr string, docker []string) (ids []string) {
	t.Helper()
	for _, id := range docker {
		ref := addr + "/made:" + id[7:19]
		_, err := s.Push(t.Context(), id, image.PushOptions{Destination: ref, Compression: "zstd"})
		require.NoError(t, err)
		img, err := s.Pull(t.Context(), ref, image.PullOptions{})
		require.NoError(t, err)
		require.NotEqual(t, id, img.ID)
		ids = append(ids, img.ID)
	}
	return ids
}

func TestPushIndex(t *testing.T) {
	t.Parallel()
	reg := serve(t, server.Options{}, server.ServeOptions{})
	s, other := open(t), open(t)
	client := registry.NewClient(registry.ClientOptions{})
	defer client.Close()
	const index, list = "application/vnd.oci.image.index.v1+json", "application/vnd.docker.distribution.manifest.list.v2+json"
	platforms := []string{"linux/amd64", "linux/arm64", "linux/arm/v7"}
	docker := forPlatforms(t, s, platforms...)
	oci := asOCI(t, s, reg.Addr, docker)
	for name, c := range map[string]struct {
		images []string
		opts   image.PushOptions
		want   string
	}{
		"docker": {images: docker, want: list},
		"oci":    {images: oci, want: index},
		"both":   {images: []string{oci[0], docker[1], docker[2]}, want: index},
		// Docker's manifests have no zstd: these become OCI's.
		"zstd": {images: docker, opts: image.PushOptions{Compression: "zstd"}, want: index},
	} {
		t.Run(name, func(t *testing.T) {
			ref := reg.Addr + "/" + name + ":1"
			up := phases{}
			c.opts.Progress = up.see(t)
			digest, err := s.PushIndex(t.Context(), ref, c.images, c.opts)
			require.NoError(t, err)
			require.GreaterOrEqual(t, up[image.PhaseExists], 2, "the layer that all have is sent once, if at all")
			m, err := client.Manifest(t.Context(), ref, registry.ManifestOptions{})
			require.NoError(t, err)
			require.Equal(t, digest, m.Digest)
			require.Equal(t, c.want, m.MediaType)
			var have []string
			for _, d := range m.Manifests {
				have = append(have, d.Platform)
			}
			require.Equal(t, platforms, have)
			for tag, err := range client.Tags(t.Context(), reg.Addr+"/"+name, registry.ListOptions{}) {
				require.NoError(t, err)
				require.Equal(t, "1", tag, "the images have digests alone")
			}
			for i, p := range platforms {
				for _, from := range []string{ref, reg.Addr + "/" + name + "@" + digest} {
					img, err := other.Pull(t.Context(), from, image.PullOptions{Platform: p})
					require.NoError(t, err)
					want := c.images[i]
					if name == "zstd" {
						want = oci[i]
					}
					require.Equal(t, want, img.ID)
				}
			}
			_, err = other.Pull(t.Context(), ref, image.PullOptions{Platform: "linux/s390x"})
			require.ErrorIs(t, err, image.ErrNotFound)
			require.ErrorIs(t, err, image.ErrNoPlatform)
			require.ErrorContains(t, err, "platform")
		})
	}
}

// TestPushIndexAgain: what was pulled by platform is pushed on as it is, also when a registry fails in between.
func TestPushIndexAgain(t *testing.T) {
	t.Parallel()
	from, to := serve(t, server.Options{}, server.ServeOptions{}), serve(t, server.Options{}, server.ServeOptions{})
	s := open(t)
	first, err := s.PushIndex(t.Context(), from.Addr+"/app", forPlatforms(t, s, "linux/amd64", "linux/arm64"), image.PushOptions{})
	require.NoError(t, err)
	other := open(t)
	var ids []string
	for _, p := range []string{"linux/amd64", "linux/arm64"} {
		img, err := other.Pull(t.Context(), from.Addr+"/app", image.PullOptions{Platform: p})
		require.NoError(t, err)
		ids = append(ids, img.ID)
	}
	to.Inject(server.Fault{Method: "PUT", Reference: "latest", Status: 503, Times: 1})
	second, err := other.PushIndex(t.Context(), to.Addr+"/app", ids, image.PushOptions{})
	require.NoError(t, err)
	require.Equal(t, first, second)
	to.Inject(server.Fault{Method: "PUT", Reference: "denied", Status: 403})
	_, err = other.PushIndex(t.Context(), to.Addr+"/app:denied", ids, image.PushOptions{})
	require.ErrorIs(t, err, image.ErrDenied)
	require.ErrorContains(t, err, "push index "+to.Addr+"/app:denied")
}

func TestPushIndexErrors(t *testing.T) {
	t.Parallel()
	s := open(t)
	ids := forPlatforms(t, s, "linux/amd64", "linux/arm64", "linux/arm64/v8")
	amd, arm, armv8 := ids[0], ids[1], ids[2]
	const ref = "127.0.0.1:1/app:1"
	for name, c := range map[string]struct {
		ref    string
		images []string
		opts   image.PushOptions
		want   error
		says   string
	}{
		"none":           {ref: ref, want: image.ErrInvalidArgument, says: "no images"},
		"twice":          {ref: ref, images: []string{amd, amd}, want: image.ErrInvalidArgument, says: "both for linux/amd64"},
		"usual variant":  {ref: ref, images: []string{arm, armv8}, want: image.ErrInvalidArgument, says: "both for linux/arm64"},
		"not here":       {ref: ref, images: []string{amd, "nothing:1"}, want: image.ErrNotFound, says: "nothing:1"},
		"destination":    {ref: ref, images: []string{amd}, opts: image.PushOptions{Destination: "x"}, want: image.ErrInvalidArgument, says: "Destination"},
		"to an id":       {ref: amd, images: []string{amd}, want: image.ErrInvalidArgument, says: "name"},
		"to a digest":    {ref: "x@" + amd, images: []string{amd}, want: image.ErrInvalidReference, says: "tag"},
		"compression":    {ref: ref, images: []string{amd}, opts: image.PushOptions{Compression: "lzma"}, want: image.ErrInvalidArgument, says: "lzma"},
		"nobody listens": {ref: ref, images: []string{amd, arm}, want: image.ErrUnreachable, says: "push index " + ref},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := s.PushIndex(t.Context(), c.ref, c.images, c.opts)
			require.ErrorIs(t, err, c.want)
			require.ErrorContains(t, err, c.says)
		})
	}
}
