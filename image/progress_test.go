package image_test

import (
	"archive/tar"
	"bytes"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/caisson-dev/caisson/image"
	"github.com/caisson-dev/caisson/internal/testenv"
	"github.com/caisson-dev/caisson/registry/server"
)

// whole follows progress to its end.
type whole struct {
	t    *testing.T
	last map[string]map[image.Phase]image.Progress // by blob
	half int                                       // events between none and all
}

func (w *whole) see(p image.Progress) {
	if p.Total > 0 && p.Current > p.Total || p.Current < 0 {
		w.t.Errorf("beyond its total: %+v", p)
	}
	if p.Current > 0 && p.Current < p.Total {
		w.half++
	}
	if w.last[p.Digest] == nil {
		w.last[p.Digest] = map[image.Phase]image.Progress{}
	}
	w.last[p.Digest][p.Phase] = p
}

// ended requires that all that began reached its total, and counts the blobs that came to each phase.
func (w *whole) ended() map[image.Phase]int {
	w.t.Helper()
	n := map[image.Phase]int{}
	for _, phases := range w.last {
		for phase, p := range phases {
			if !p.Done || p.Current != p.Total || p.Total == 0 {
				w.t.Errorf("not whole: %+v", p)
			}
			n[phase]++
		}
	}
	return n
}

// TestProgress: whatever way a push and a pull take, all blobs are told of and reach 100 %.
func TestProgress(t *testing.T) {
	t.Parallel()
	testenv.Slow(t)
	reg := serve(t, server.Options{}, server.ServeOptions{})
	from := serve(t, server.Options{}, server.ServeOptions{})
	var layers [][]byte
	for _, name := range []string{"a", "b", "c", "d", "twice"} {
		layers = append(layers, layerTar(t, []tar.Header{{Name: name, Typeflag: tar.TypeReg, Mode: 0o644, Size: 1}}))
	}
	pushRaw(t, from.Addr, "part", layers[:2])
	pushRaw(t, from.Addr, "app", layers[:4])
	pushRaw(t, reg.Addr, "twice", [][]byte{layers[4], layers[4]})
	s := open(t)
	for _, name := range []string{"part", "app"} {
		_, err := s.Pull(t.Context(), from.Addr+"/"+name+":1", image.PullOptions{})
		require.NoError(t, err)
		require.NoError(t, s.Tag(t.Context(), from.Addr+"/"+name+":1", name))
	}

	push := func(t *testing.T, ref, to string, opts image.PushOptions) (map[image.Phase]int, *whole) {
		w := &whole{t: t, last: map[string]map[image.Phase]image.Progress{}}
		opts.Destination, opts.Progress = reg.Addr+to, w.see
		_, err := s.Push(t.Context(), ref, opts)
		require.NoError(t, err)
		return w.ended(), w
	}
	pull := func(t *testing.T, into *image.Store, ref string, opts image.PullOptions) map[image.Phase]int {
		w := &whole{t: t, last: map[string]map[image.Phase]image.Progress{}}
		opts.Progress = w.see
		_, err := into.Pull(t.Context(), reg.Addr+ref, opts)
		require.NoError(t, err)
		return w.ended()
	}
	const up, down, extract, exists = image.PhaseUpload, image.PhaseDownload, image.PhaseExtract, image.PhaseExists

	t.Run("push", func(t *testing.T) {
		n, _ := push(t, "part", "/app:0", image.PushOptions{})
		require.Equal(t, map[image.Phase]int{up: 3}, n, "two layers and the configuration")
		n, _ = push(t, "part", "/app:again", image.PushOptions{})
		require.Equal(t, map[image.Phase]int{exists: 2, up: 1}, n, "configurations are sent anyway")
		n, _ = push(t, "app", "/app:1", image.PushOptions{})
		require.Equal(t, map[image.Phase]int{exists: 2, up: 3}, n)
	})
	t.Run("push of what the registry mounts", func(t *testing.T) {
		n, _ := push(t, "app", "/mounted:1", image.PushOptions{})
		require.Equal(t, map[image.Phase]int{exists: 4, up: 1}, n)
	})
	t.Run("push is tried again", func(t *testing.T) {
		end := reg.Inject(server.Fault{Repository: "retried", Method: http.MethodPatch, Status: 500, Skip: 1, Times: 1})
		n, _ := push(t, "part", "/retried:0", image.PushOptions{Compression: "zstd"})
		require.Equal(t, 1, end())
		require.Equal(t, 3, n[up])
	})
	t.Run("push moves", func(t *testing.T) {
		end := reg.Inject(server.Fault{Repository: "slow", Method: http.MethodPatch, Delay: 300 * time.Millisecond})
		defer end()
		_, err := s.Import(t.Context(), bytes.NewReader(noise(t, 24<<20)), image.ImportOptions{Tags: []string{"big"}})
		require.NoError(t, err)
		_, w := push(t, "big", "/slow:1", image.PushOptions{})
		require.Positive(t, w.half, "it is told of between the begin and the end")
	})
	other := open(t)
	t.Run("pull", func(t *testing.T) {
		require.Equal(t, map[image.Phase]int{down: 3, extract: 3}, pull(t, other, "/app:0", image.PullOptions{}))
		require.Equal(t, map[image.Phase]int{down: 1, extract: 1, exists: 2}, pull(t, other, "/app:again", image.PullOptions{}))
		require.Equal(t, map[image.Phase]int{down: 3, extract: 3, exists: 2}, pull(t, other, "/app:1", image.PullOptions{}))
	})
	t.Run("pull of a layer that comes twice", func(t *testing.T) {
		n := pull(t, other, "/twice:1", image.PullOptions{})
		require.Equal(t, 2, n[down], "the layer and the configuration")
	})
	t.Run("load", func(t *testing.T) {
		for name, archive := range map[string][]byte{
			"oci":    ociArchive(t, []rawLayer{{layers[0], "application/vnd.oci.image.layer.v1.tar", digestOf(layers[0])}}),
			"docker": dockerArchive(t, layers[1]),
		} {
			w := &whole{t: t, last: map[string]map[image.Phase]image.Progress{}}
			_, err := open(t).Load(t.Context(), bytes.NewReader(archive), image.LoadOptions{Progress: w.see})
			require.NoError(t, err)
			n := w.ended()
			require.Equal(t, 2, n[extract], "%s: the layer and the configuration", name)
		}
	})
	t.Run("pull is tried again", func(t *testing.T) {
		third := open(t)
		end := reg.Inject(server.Fault{Repository: "app", Method: http.MethodGet, Reference: manifestOf(t, reg.Addr+"/app:1").Layers[3].Digest, Status: 500, Times: 1})
		n := pull(t, third, "/app:1", image.PullOptions{})
		require.Equal(t, 1, end())
		require.GreaterOrEqual(t, n[down]+n[exists], 5, "what the first attempt has brought exists for the second")
	})
}

// noise is a tar with a file that does not compress.
func noise(t *testing.T, size int) []byte {
	t.Helper()
	b := make([]byte, size)
	x := uint32(1)
	for i := range b {
		x = x*1664525 + 1013904223
		b[i] = byte(x >> 24)
	}
	var out bytes.Buffer
	w := tar.NewWriter(&out)
	require.NoError(t, w.WriteHeader(&tar.Header{Name: "noise", Mode: 0o644, Size: int64(size), Typeflag: tar.TypeReg}))
	_, err := w.Write(b)
	require.NoError(t, err)
	require.NoError(t, w.Close())
	return out.Bytes()
}
