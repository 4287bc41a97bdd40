//go:build linux

package image_test

import (
	"archive/tar"
	"bytes"
	"io"
	"strconv"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/caisson-dev/caisson/image"
	"github.com/caisson-dev/caisson/internal/testenv"
	"github.com/caisson-dev/caisson/registry/server"
)

// TestBombs: what unpacks to more than the disk holds is refused while there is still room, and nothing of it stays.
func TestBombs(t *testing.T) {
	t.Parallel()
	testenv.Slow(t)
	testenv.Root(t)
	s := openSmall(t, 48<<20)
	disk := s.Root()
	reg := serve(t, server.Options{}, server.ServeOptions{})
	free := freeOf(t, disk)
	letters := lettersTar(t, 256)
	full := func(t *testing.T, what string, err error) {
		t.Helper()
		require.ErrorIs(t, err, image.ErrNoSpace, what)
		require.Zero(t, layerDirs(t, s.Root()), what)
		requireNoTemp(t, s)
		require.InDelta(t, free, freeOf(t, disk), 1<<20, what)
	}
	for what, img := range waysIn(t, s, reg.Addr, letters) {
		full(t, what, img.err)
		requireNoTempAtAll(t, s)
	}
	_, err := s.Load(t.Context(), bytes.NewReader(letters), image.LoadOptions{})
	full(t, "archive", err)
	_, err = s.Build(t.Context(), image.BuildOptions{Tar: bytes.NewReader(letters)})
	full(t, "context", err)
	_, err = s.Build(t.Context(), image.BuildOptions{Tar: bytes.NewReader(sparseTar(4 << 30))})
	require.ErrorIs(t, err, image.ErrInvalidArgument)
	// A layer's end may be padded, and the padding is kept to make the layer again.
	_, err = s.Import(t.Context(), io.MultiReader(bytes.NewReader(layerTar(t, nil)), io.LimitReader(static{}, 1<<30)), image.ImportOptions{})
	full(t, "padding", err)
	// And what fits still does.
	_, err = s.Import(t.Context(), bytes.NewReader(lettersTar(t, 4)), image.ImportOptions{})
	require.NoError(t, err)
}

// TestHeaderBombs: headers are kept in memory, and so is what an entry has that is not a file.
func TestHeaderBombs(t *testing.T) {
	t.Parallel()
	s := open(t)
	pax := &bytes.Buffer{}
	w := tar.NewWriter(pax)
	text := bytes.Repeat([]byte("x"), 1<<20-100)
	record := append([]byte(strconv.Itoa(len(text)+len("1048500 comment=\n"))+" comment="), append(text, '\n')...)
	for range 12 {
		require.NoError(t, w.WriteHeader(&tar.Header{Name: "long", Typeflag: tar.TypeReg, Size: int64(len(record))}))
		at := pax.Len() - 512
		_, err := w.Write(record)
		require.NoError(t, err)
		require.NoError(t, w.Flush())
		retype(pax.Bytes()[at:at+512], tar.TypeXHeader)
	}
	require.NoError(t, w.Close())
	_, err := s.Import(t.Context(), pax, image.ImportOptions{})
	require.ErrorIs(t, err, image.ErrCorrupt)
	require.ErrorContains(t, err, "headers")
	requireNoLayers(t, s)
}

func freeOf(t *testing.T, dir string) int64 {
	t.Helper()
	var st syscall.Statfs_t
	require.NoError(t, syscall.Statfs(dir, &st))
	return int64(st.Bavail) * st.Bsize
}

// lettersTar is a tar of one file of one letter, gzip'd to a thousandth.
func lettersTar(t *testing.T, mib int) []byte {
	t.Helper()
	head := layerTar(t, []tar.Header{{Name: "letters", Typeflag: tar.TypeReg, Mode: 0o644}})[:512]
	// Of a file that has no content the header has no size either: 11 octal digits at 124.
	copy(head[124:], []byte(pad(strconv.FormatInt(int64(mib)<<20, 8), 11)))
	retype(head, tar.TypeReg)
	letters := zip(t, bytes.Repeat([]byte{'x'}, 1<<20), true)
	out := zip(t, head, true)
	for range mib {
		out = append(out, letters...)
	}
	return append(out, zip(t, make([]byte, 1024), true)...)
}

// sparseTar is an archive of one file without content that says it has size bytes.
func sparseTar(size int64) []byte {
	h := make([]byte, 512)
	copy(h, "sparse")
	copy(h[100:], "0000644\x000000000\x000000000\x0000000000000\x0000000000000\x00")
	copy(h[257:], "ustar  \x00")
	copy(h[386:], pad(strconv.FormatInt(size, 8), 11)+"\x00"+pad("0", 11)+"\x00") // one piece at the end, of no length
	copy(h[483:], pad(strconv.FormatInt(size, 8), 11))
	retype(h, tar.TypeGNUSparse)
	return append(h, make([]byte, 1024)...)
}

func pad(s string, n int) string {
	for len(s) < n {
		s = "0" + s
	}
	return s
}

// retype makes a header another entry's, and its checksum right.
func retype(h []byte, kind byte) {
	h[156] = kind
	copy(h[148:], "        ")
	sum := 0
	for _, b := range h {
		sum += int(b)
	}
	copy(h[148:], pad(strconv.FormatInt(int64(sum), 8), 6)+"\x00 ")
}

// static reads as bytes that hardly compress.
type static struct{}

func (static) Read(p []byte) (int, error) {
	x := uint64(88172645463325252)
	for i := range p {
		x ^= x << 13
		x ^= x >> 7
		x ^= x << 17
		p[i] = byte(x)
	}
	return len(p), nil
}
