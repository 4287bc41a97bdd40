//go:build linux

package image_test

import (
	"archive/tar"
	"bytes"
	"compress/flate"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/caisson-dev/caisson/image"
	"github.com/caisson-dev/caisson/internal/testenv"
	"github.com/caisson-dev/caisson/registry/server"
)

// bombed is the size of the one file in a layer whose archive is a thousandth of that.
const bombed = 256 << 20

// TestFullDisk takes images that are larger than the store's file system, as bombs are, into it. What fits, since holes
// take no room, is whole; what does not leaves nothing, and the store works on.
func TestFullDisk(t *testing.T) {
	t.Parallel()
	testenv.Slow(t)
	if os.Geteuid() != 0 {
		t.Skip("needs root, to mount a small file system")
	}
	reg := serve(t, server.Options{}, server.ServeOptions{})
	letters := bomb(t, 'x', bombed)
	pushLayers(t, reg.Addr, "letters", []rawLayer{letters})
	pushLayers(t, reg.Addr, "zeros", []rawLayer{bomb(t, 0, bombed)})
	pushRaw(t, reg.Addr, "small", [][]byte{layerTar(t, []tar.Header{{Name: "x", Typeflag: tar.TypeReg, Size: 1, Mode: 0o644}})})
	s := openSmall(t, 32<<20)
	ctx := t.Context()

	_, err := s.Pull(ctx, reg.Addr+"/letters:1", image.PullOptions{})
	require.ErrorIs(t, err, image.ErrNoSpace)
	require.ErrorContains(t, err, "Prune")
	requireNoLayers(t, s)

	img, err := s.Pull(ctx, reg.Addr+"/zeros:1", image.PullOptions{})
	require.NoError(t, err)
	f, err := s.FS(ctx, img.ID)
	require.NoError(t, err)
	info, err := f.Stat("file")
	require.NoError(t, err)
	assert.EqualValues(t, bombed, info.Size())
	require.NoError(t, f.Close())
	_, err = s.Remove(ctx, img.ID, image.RemoveOptions{})
	require.NoError(t, err)
	requireNoLayers(t, s)

	_, err = s.Load(ctx, bytes.NewReader(ociArchive(t, []rawLayer{letters})), image.LoadOptions{})
	require.ErrorIs(t, err, image.ErrNoSpace)
	requireNoLayers(t, s)

	small, err := s.Pull(ctx, reg.Addr+"/small:1", image.PullOptions{})
	require.NoError(t, err)
	_, err = s.Remove(ctx, small.ID, image.RemoveOptions{})
	require.NoError(t, err)

	// A layer that the store has is unpacked from there again, on another parent, within the same bound and with no other file.
	third := bomb(t, 'y', 12<<20)
	for i, want := range []error{nil, nil, image.ErrNoSpace} {
		layers := []rawLayer{third}
		if i > 0 {
			below := layerTar(t, []tar.Header{{Name: fmt.Sprint("x", i), Typeflag: tar.TypeReg, Size: 1, Mode: 0o644}})
			layers = []rawLayer{{below, "application/vnd.oci.image.layer.v1.tar", digestOf(below)}, third}
		}
		pushLayers(t, reg.Addr, "on", layers)
		reg.Server.ResetRequests()
		_, err := s.Pull(ctx, reg.Addr+"/on:1", image.PullOptions{})
		require.ErrorIs(t, err, want)
		for _, r := range reg.Server.Requests() {
			require.False(t, i > 0 && r.Reference == digestOf(third.blob), "it is not asked for")
		}
	}
	list, err := s.List(ctx, image.ListOptions{})
	require.NoError(t, err)
	require.Len(t, list, 2, "one has lost its name to the next")
	for _, img := range list {
		_, err = s.Remove(ctx, img.ID, image.RemoveOptions{})
		require.NoError(t, err)
	}
	requireNoLayers(t, s)
}

// TestManyEntries: what a layer of very many files needs is bounded.
func TestManyEntries(t *testing.T) {
	t.Parallel()
	testenv.Slow(t)
	const entries, limit = 30_000, 128 << 20
	var raw bytes.Buffer
	w := tar.NewWriter(&raw)
	for i := range entries {
		require.NoError(t, w.WriteHeader(&tar.Header{Name: fmt.Sprintf("%03d/%d", i%1000, i), Typeflag: tar.TypeReg, Mode: 0o644}))
	}
	require.NoError(t, w.Close())
	reg := serve(t, server.Options{}, server.ServeOptions{})
	pushRaw(t, reg.Addr, "many", [][]byte{raw.Bytes()})
	s := open(t)
	img, err := s.Pull(t.Context(), reg.Addr+"/many:1", image.PullOptions{})
	require.NoError(t, err)
	require.Len(t, tree(t, s, img), entries+1000)
	agents := agentsOf(t, s.Root())
	require.Len(t, agents, 1)
	t.Logf("peak %d MB", peakMemory(t, agents[0])>>20)
	require.Less(t, peakMemory(t, agents[0]), limit)
}

// TestMemory: what pulls, pushes and saves need does not grow with the image.
func TestMemory(t *testing.T) {
	t.Parallel()
	testenv.Slow(t)
	reg := serve(t, server.Options{}, server.ServeOptions{})
	peak := func(size int) int {
		pushLayers(t, reg.Addr, "zeros", []rawLayer{bomb(t, 0, size)})
		s := open(t)
		_, err := s.Pull(t.Context(), reg.Addr+"/zeros:1", image.PullOptions{})
		require.NoError(t, err)
		// To another registry, or it would be mounted there.
		_, err = s.Push(t.Context(), reg.Addr+"/zeros:1", image.PushOptions{Destination: serve(t, server.Options{}, server.ServeOptions{}).Addr + "/zeros:1"})
		require.NoError(t, err)
		require.NoError(t, s.Save(t.Context(), io.Discard, []string{reg.Addr + "/zeros:1"}, image.SaveOptions{}))
		agents := agentsOf(t, s.Root())
		require.Len(t, agents, 1)
		return peakMemory(t, agents[0])
	}
	small, large := peak(16<<20), peak(256<<20)
	t.Logf("peaks: %d and %d MB", small>>20, large>>20)
	require.Less(t, large, small+64<<20)
}

// peakMemory is the most that a process had in memory, in bytes.
func peakMemory(t *testing.T, pid int) int {
	t.Helper()
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	require.NoError(t, err)
	var kb int
	for line := range strings.Lines(string(b)) {
		if rest, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			_, err := fmt.Sscan(rest, &kb)
			require.NoError(t, err)
		}
	}
	require.NotZero(t, kb)
	return kb << 10
}

// openSmall opens a store on a file system of its own.
func openSmall(t *testing.T, size int) *image.Store {
	t.Helper()
	dir := t.TempDir()
	require.NoError(t, unix.Mount("tmpfs", dir, "tmpfs", 0, fmt.Sprintf("size=%d", size)))
	t.Cleanup(func() { require.NoError(t, unix.Unmount(dir, 0), "nothing uses it any more") })
	s, err := image.OpenStore(image.StoreOptions{Root: filepath.Join(dir, "store")})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Destroy(context.Background())) })
	return s
}

// bomb is a layer with one file of a size that is the same byte all over.
func bomb(t *testing.T, content byte, size int) rawLayer {
	t.Helper()
	var head, tail bytes.Buffer
	w := tar.NewWriter(&head)
	require.NoError(t, w.WriteHeader(&tar.Header{Name: "file", Typeflag: tar.TypeReg, Size: int64(size), Mode: 0o644}))
	tail.Write(make([]byte, 1024))
	const part = 1 << 20
	piece := bytes.Repeat([]byte{content}, part)
	packed := deflate(t, piece, false)
	var b bytes.Buffer
	b.Write([]byte{0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255})
	b.Write(deflate(t, head.Bytes(), false))
	for range size / part {
		b.Write(packed)
	}
	b.Write(deflate(t, tail.Bytes(), true))
	sum, digest := crc32.NewIEEE(), sha256.New()
	all := io.MultiWriter(sum, digest)
	_, err := all.Write(head.Bytes())
	require.NoError(t, err)
	for range size / part {
		_, err = all.Write(piece)
		require.NoError(t, err)
	}
	_, err = all.Write(tail.Bytes())
	require.NoError(t, err)
	require.NoError(t, binary.Write(&b, binary.LittleEndian, sum.Sum32()))
	require.NoError(t, binary.Write(&b, binary.LittleEndian, uint32((head.Len()+size+tail.Len())&0xffffffff)))
	return rawLayer{b.Bytes(), "application/vnd.oci.image.layer.v1.tar+gzip", "sha256:" + hex.EncodeToString(digest.Sum(nil))}
}

// deflate packs a piece that others like it can follow.
func deflate(t *testing.T, piece []byte, last bool) []byte {
	t.Helper()
	var b bytes.Buffer
	w, err := flate.NewWriter(&b, flate.BestSpeed)
	require.NoError(t, err)
	_, err = w.Write(piece)
	require.NoError(t, err)
	if last {
		err = w.Close()
	} else {
		err = w.Flush()
	}
	require.NoError(t, err)
	return b.Bytes()
}
