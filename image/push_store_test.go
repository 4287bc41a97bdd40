package image_test

import (
	"archive/tar"
	"bytes"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/caisson-dev/caisson/image"
	"github.com/caisson-dev/caisson/registry/server"
)

// TestPushOfDamaged: what is not as it was pulled is not pushed or saved, and the error says where the damage is.
func TestPushOfDamaged(t *testing.T) {
	t.Parallel()
	reg := serve(t, server.Options{}, server.ServeOptions{})
	s := open(t)
	for name, damage := range map[string]func(file string) error{
		"changed": func(file string) error { return os.WriteFile(file, []byte("CONTENT"), 0o644) },
		"shorter": func(file string) error { return os.Truncate(file, 3) },
		"gone":    os.Remove,
	} {
		t.Run(name, func(t *testing.T) {
			img := put(t, s, "content", image.ImportOptions{})
			diff := filepath.Join(s.Root(), "storage/overlay", img.Layers[0][7:], "diff")
			require.NoError(t, os.Chmod(diff, 0o755), "its owner, who is not root, can't write into it either")
			require.NoError(t, damage(filepath.Join(diff, "file")))
			_, err := s.Push(t.Context(), img.ID, image.PushOptions{Destination: reg.Addr + "/" + name})
			require.ErrorIs(t, err, image.ErrCorrupt)
			require.ErrorContains(t, err, "push "+reg.Addr+"/"+name)
			require.ErrorContains(t, err, "in the store is damaged")
			require.NotContains(t, err.Error(), s.Root())
			require.ErrorIs(t, s.Save(t.Context(), io.Discard, []string{img.ID}, image.SaveOptions{}), image.ErrCorrupt)
			_, err = s.Remove(t.Context(), img.ID, image.RemoveOptions{})
			require.NoError(t, err)
		})
	}
}

// TestPushThroughLink: where a name of the archive leads through a link of the image's, it does so within the image.
func TestPushThroughLink(t *testing.T) {
	t.Parallel()
	reg := serve(t, server.Options{}, server.ServeOptions{})
	s := open(t)
	outside := t.TempDir()
	var raw bytes.Buffer
	w := tar.NewWriter(&raw)
	for _, h := range []tar.Header{
		{Name: "l", Typeflag: tar.TypeSymlink, Linkname: outside, Mode: 0o777},
		{Name: outside[1:], Typeflag: tar.TypeDir, Mode: 0o755},
		{Name: "l/x", Typeflag: tar.TypeReg, Mode: 0o644, Size: 6},
	} {
		require.NoError(t, w.WriteHeader(&h))
	}
	_, err := w.Write([]byte("inside"))
	require.NoError(t, err)
	require.NoError(t, w.Close())
	pushRaw(t, reg.Addr, "app", [][]byte{raw.Bytes()})
	img, err := s.Pull(t.Context(), reg.Addr+"/app:1", image.PullOptions{})
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(outside, "x"), []byte("secret"), 0o600))
	// Another registry, or the layer would be mounted there. Its digest is compared with the image's.
	to := serve(t, server.Options{}, server.ServeOptions{}).Addr + "/app:1"
	_, err = s.Push(t.Context(), img.ID, image.PushOptions{Destination: to})
	require.NoError(t, err)
	other := open(t)
	again, err := other.Pull(t.Context(), to, image.PullOptions{})
	require.NoError(t, err)
	require.Equal(t, img.Layers, again.Layers)
}
