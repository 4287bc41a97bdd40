package container_test

import (
	"archive/tar"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/caisson-dev/caisson/container"
)

// TestCopyOntoLink: a file that is copied to a link is written where that leads, in the container and on the host.
func TestCopyOntoLink(t *testing.T) {
	t.Parallel()
	e := newEngine(t)
	c := create(t, e, container.Options{})
	ctx, dir := t.Context(), t.TempDir()
	file := filepath.Join(dir, "file")
	require.NoError(t, os.WriteFile(file, []byte("new"), 0o644))
	require.NoError(t, c.CopyTo(ctx, "/", tarOf(t,
		entry{Header: tar.Header{Typeflag: tar.TypeDir, Name: "l/", Mode: 0o755}},
		entry{Header: tar.Header{Typeflag: tar.TypeReg, Name: "l/target", Mode: 0o644, Size: 3}, data: "old"},
		entry{Header: tar.Header{Typeflag: tar.TypeSymlink, Name: "l/one", Linkname: "target"}},
		entry{Header: tar.Header{Typeflag: tar.TypeSymlink, Name: "l/two", Linkname: "/l/one"}},
		entry{Header: tar.Header{Typeflag: tar.TypeSymlink, Name: "l/dangling", Linkname: "later"}},
		entry{Header: tar.Header{Typeflag: tar.TypeSymlink, Name: "l/loop", Linkname: "loop"}},
	), container.CopyOptions{}))
	for link, target := range map[string]string{"/l/two": "/l/target", "/l/dangling": "/l/later"} {
		require.NoError(t, c.Upload(ctx, file, link, container.CopyOptions{}))
		info, err := c.StatPath(ctx, link)
		require.NoError(t, err)
		assert.NotEmpty(t, info.LinkTarget, "it stays")
		got, err := c.ReadFile(ctx, target)
		require.NoError(t, err)
		assert.Equal(t, "new", string(got))
	}
	require.ErrorIs(t, c.Upload(ctx, file, "/l/loop", container.CopyOptions{}), container.ErrInvalidArgument)

	require.NoError(t, os.Symlink("there", filepath.Join(dir, "link")))
	for range 2 { // dangling, and then not
		require.NoError(t, c.Download(ctx, "/data/note", filepath.Join(dir, "link"), container.CopyFromOptions{}))
		got, err := os.ReadFile(filepath.Join(dir, "there"))
		require.NoError(t, err)
		assert.Equal(t, "from the image", string(got))
		_, err = os.Readlink(filepath.Join(dir, "link"))
		require.NoError(t, err)
	}
}

// TestCopyContent: of a path that ends in "/." the stream has the content.
func TestCopyContent(t *testing.T) {
	t.Parallel()
	e := newEngine(t)
	c := create(t, e, container.Options{})
	r, _, err := c.CopyFrom(t.Context(), "/data/.", container.CopyFromOptions{})
	require.NoError(t, err)
	defer r.Close()
	var names []string
	tr := tar.NewReader(r)
	for {
		h, err := tr.Next()
		if err == io.EOF {
			break
		}
		require.NoError(t, err)
		names = append(names, h.Name)
	}
	assert.Equal(t, []string{"./", "./note"}, names)
}
