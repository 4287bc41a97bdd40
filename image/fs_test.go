package image_test

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/caisson-dev/caisson/image"
	"github.com/caisson-dev/caisson/internal/testenv"
)

// fsImage has links of all kinds, out of the root too, and what must not be opened.
func fsImage(t *testing.T, s *image.Store) *image.Image {
	t.Helper()
	when := time.Unix(1_600_000_000, 0)
	img, err := s.Import(t.Context(), bytes.NewReader(layerTar(t, []tar.Header{
		{Name: "etc", Typeflag: tar.TypeDir, Mode: 0o755, ModTime: when},
		{Name: "etc/passwd", Typeflag: tar.TypeReg, Mode: 0o640, Size: 1, ModTime: when},
		{Name: "etc/secret", Typeflag: tar.TypeReg, Mode: 0o600, Size: 1, ModTime: when},
		{Name: "absolute", Typeflag: tar.TypeSymlink, Linkname: "/etc/passwd"},
		{Name: "above", Typeflag: tar.TypeSymlink, Linkname: "../../../../../../etc/passwd"},
		{Name: "out", Typeflag: tar.TypeSymlink, Linkname: "/proc/self/environ"},
		{Name: "dir", Typeflag: tar.TypeSymlink, Linkname: "etc"},
		{Name: "loop", Typeflag: tar.TypeSymlink, Linkname: "loop"},
		{Name: "pipe", Typeflag: tar.TypeFifo, Mode: 0o644},
	})), image.ImportOptions{Tags: []string{"low"}})
	require.NoError(t, err)
	return img
}

func TestFS(t *testing.T) {
	t.Parallel()
	s := open(t)
	fsImage(t, s)
	big := strings.Repeat("0123456789", 100_000)
	_, err := build(t, s, "FROM low\nCOPY big /data/big\nCOPY note /etc/passwd\n", image.BuildOptions{Tags: []string{"top"}}, map[string]string{"big": big, "note": "of the image"})
	require.NoError(t, err)
	f, err := s.FS(t.Context(), "top")
	require.NoError(t, err)
	defer f.Close()

	for _, name := range []string{"etc/passwd", "absolute", "above", "dir/passwd"} {
		b, err := f.ReadFile(name)
		require.NoError(t, err, name)
		require.Equal(t, "of the image", string(b), "the upper layer's, inside the image")
	}
	for _, name := range []string{"out", "none", "etc/none", "proc/self/environ"} {
		_, err = f.Stat(name)
		require.ErrorIs(t, err, fs.ErrNotExist, name)
		require.Equal(t, "stat "+name+": file does not exist", err.Error())
	}
	for _, name := range []string{"/etc/passwd", "../etc/passwd", "", "etc/"} {
		_, err = f.Open(name)
		require.ErrorIs(t, err, fs.ErrInvalid, name)
	}
	_, err = f.Open("loop")
	require.ErrorContains(t, err, "symbolic links")
	_, err = f.ReadFile("pipe")
	require.ErrorContains(t, err, "not a regular file")
	_, err = f.ReadFile("etc")
	require.ErrorContains(t, err, "is a directory")
	_, err = f.ReadDir("etc/passwd")
	require.ErrorContains(t, err, "not a directory")
	_, err = f.ReadLink("etc")
	require.ErrorContains(t, err, "invalid argument")

	info, err := f.Lstat("etc/secret")
	require.NoError(t, err)
	require.Equal(t, "-rw-------", info.Mode().String())
	require.Equal(t, "secret", info.Name())
	require.True(t, info.ModTime().Equal(time.Unix(1_600_000_000, 0)))
	require.Zero(t, info.Sys().(*tar.Header).Uid)
	info, err = f.Lstat("out")
	require.NoError(t, err)
	require.Equal(t, fs.ModeSymlink, info.Mode().Type())
	target, err := f.ReadLink("out")
	require.NoError(t, err)
	require.Equal(t, "/proc/self/environ", target)

	file, err := f.Open("data/big")
	require.NoError(t, err)
	at := make([]byte, 15)
	n, err := file.(io.ReaderAt).ReadAt(at, 999_990)
	require.ErrorIs(t, err, io.EOF)
	require.Equal(t, "0123456789", string(at[:n]))
	_, err = file.(io.Seeker).Seek(-7, io.SeekEnd)
	require.NoError(t, err)
	rest, err := io.ReadAll(file)
	require.NoError(t, err)
	require.Equal(t, "3456789", string(rest))
	require.NoError(t, file.Close())
	_, err = file.Read(at)
	require.ErrorIs(t, err, fs.ErrClosed)
}

// TestFSKeepsFSRules has the standard library's own test of what a file system must do.
func TestFSKeepsFSRules(t *testing.T) {
	t.Parallel()
	s := open(t)
	put(t, s, "text", image.ImportOptions{Tags: []string{"one"}})
	_, err := s.Import(t.Context(), bytes.NewReader(layerTar(t, []tar.Header{
		{Name: "d/e", Typeflag: tar.TypeDir, Mode: 0o755}, {Name: "d/x", Typeflag: tar.TypeReg, Size: 1, Mode: 0o644},
		{Name: "d/link", Typeflag: tar.TypeSymlink, Linkname: "x"}, {Name: "a", Typeflag: tar.TypeReg, Mode: 0o644},
	})), image.ImportOptions{Tags: []string{"two"}})
	require.NoError(t, err)
	for ref, files := range map[string][]string{"one": {"file"}, "two": {"a", "d/e", "d/x", "d/link"}} {
		f, err := s.FS(t.Context(), ref)
		require.NoError(t, err)
		require.NoError(t, fstest.TestFS(f, files...))
		require.NoError(t, f.Close())
	}
	// An image without a layer has nothing.
	_, err = build(t, s, "FROM scratch\nENV A=1\n", image.BuildOptions{Tags: []string{"none"}}, nil)
	require.NoError(t, err)
	f, err := s.FS(t.Context(), "none")
	require.NoError(t, err)
	list, err := f.ReadDir(".")
	require.NoError(t, err)
	require.Empty(t, list)
	require.NoError(t, f.Close())
}

// TestFSHoldsImage: an open file system keeps its image, and lets go of it in every way that it can end.
func TestFSHoldsImage(t *testing.T) {
	t.Parallel()
	root := storeDir(t)
	s, err := image.OpenStore(image.StoreOptions{Root: root})
	require.NoError(t, err)
	ctx := t.Context()
	img := put(t, s, "text", image.ImportOptions{Tags: []string{"app"}})
	_, err = s.FS(ctx, "none")
	require.ErrorIs(t, err, image.ErrNotFound)
	before := look(t, root)

	one, err := s.FS(ctx, "app")
	require.NoError(t, err)
	cancelled, cancel := context.WithCancel(ctx)
	two, err := s.FS(cancelled, img.ID)
	require.NoError(t, err)
	require.Equal(t, before, look(t, root), "no mount shows")
	_, err = s.Remove(ctx, "app", image.RemoveOptions{})
	require.ErrorIs(t, err, image.ErrInUse)
	require.ErrorContains(t, err, "has its file system open")
	res, err := s.Prune(ctx, image.PruneOptions{All: true})
	require.NoError(t, err)
	require.Empty(t, res.Deleted)

	require.NoError(t, one.Close())
	require.NoError(t, one.Close(), "again")
	_, err = one.ReadFile("file")
	require.ErrorIs(t, err, fs.ErrClosed)
	_, err = two.ReadFile("file")
	require.NoError(t, err)
	cancel()
	_, err = two.Stat("file")
	require.ErrorIs(t, err, fs.ErrClosed)
	require.Eventually(t, func() bool {
		_, err = s.Remove(ctx, "app", image.RemoveOptions{})
		return !errors.Is(err, image.ErrInUse)
	}, time.Minute, 10*time.Millisecond)
	require.NoError(t, err)
	require.NoError(t, two.Close())

	put(t, s, "text", image.ImportOptions{Tags: []string{"app"}})
	left, err := s.FS(ctx, "app")
	require.NoError(t, err)
	require.NoError(t, s.Close(), "closes what is open")
	_, err = left.ReadFile("file")
	require.Error(t, err)
	require.Zero(t, mountsOf(t, root))
}

// TestKillWithFS: nothing of an open file system outlives the processes, nor keeps its image.
func TestKillWithFS(t *testing.T) {
	t.Parallel()
	testenv.Slow(t)
	for _, victim := range victims {
		t.Run(victim, func(t *testing.T) {
			root := storeDir(t)
			s, err := image.OpenStore(image.StoreOptions{Root: root})
			require.NoError(t, err)
			put(t, s, "text", image.ImportOptions{Tags: []string{"app"}})
			require.NoError(t, s.Close())
			before := look(t, root)
			cmd := startChild(t, root, "fs")
			require.Eventually(t, func() bool {
				locks, err := os.ReadDir(root + "/locks")
				require.NoError(t, err)
				for _, l := range locks {
					if strings.HasPrefix(l.Name(), "fs-") {
						return true
					}
				}
				return false
			}, time.Minute, 5*time.Millisecond, "the child has it open")
			kill(t, root, victim, cmd)
			settles(t, root, before)
			s, err = image.OpenStore(image.StoreOptions{Root: root})
			require.NoError(t, err)
			_, err = s.Remove(t.Context(), "app", image.RemoveOptions{})
			require.NoError(t, err)
			require.NoError(t, s.Close())
		})
	}
}
