package image_test

import (
	"archive/tar"
	"bytes"
	"fmt"
	"math/rand/v2"
	"os/exec"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/caisson-dev/caisson/image"
	"github.com/caisson-dev/caisson/registry/server"
)

// benchImages are what is pushed and pulled: few large files that do not compress, and many small ones of which two
// thirds do.
var benchImages = []struct {
	name   string
	layers int
	fill   func(w *tar.Writer, layer int) error
}{
	{"large", 10, func(w *tar.Writer, layer int) error { return benchFile(w, layer, "data", 32<<20, 0) }},
	{"small", 5, func(w *tar.Writer, layer int) error {
		for i := range 4000 {
			if err := benchFile(w, layer<<16|i, fmt.Sprintf("usr/share/%d/%03d/%d", layer, i%100, i), 4000, i%3); err != nil {
				return err
			}
		}
		return nil
	}},
}

// benchFile adds a file: noise when words is 0, else text.
func benchFile(w *tar.Writer, seed int, name string, size, words int) error {
	if err := w.WriteHeader(&tar.Header{Name: name, Typeflag: tar.TypeReg, Mode: 0o644, Size: int64(size), ModTime: time.Unix(1e9, 0)}); err != nil {
		return err
	}
	noise := rand.NewChaCha8([32]byte{byte(seed), byte(seed >> 8), byte(seed >> 16), byte(words)})
	content := make([]byte, size)
	if _, err := noise.Read(content); err != nil {
		return err
	}
	if words > 0 {
		text := content[:0:0]
		for i := 0; len(text) < size; i++ {
			text = fmt.Appendf(text, "%s %d\n", []string{"return nil, err", "Description:", "Package: lib", "if err != nil {"}[content[i%size]%4], content[(i+1)%size])
		}
		content = text[:size]
	}
	_, err := w.Write(content)
	return err
}

// forBench runs f for each of the images, which is in a store and, by its address, in a registry.
func forBench(b *testing.B, f func(b *testing.B, s *image.Store, ref string)) {
	for _, img := range benchImages {
		b.Run(img.name, func(b *testing.B) {
			var layers []rawLayer
			for i := range img.layers {
				var tarball bytes.Buffer
				w := tar.NewWriter(&tarball)
				require.NoError(b, img.fill(w, i))
				require.NoError(b, w.Close())
				layers = append(layers, rawLayer{tarball.Bytes(), "application/vnd.oci.image.layer.v1.tar", digestOf(tarball.Bytes())})
			}
			s := open(b)
			loaded, err := s.Load(b.Context(), bytes.NewReader(ociArchive(b, layers)), image.LoadOptions{})
			require.NoError(b, err)
			ref := serve(b, server.Options{}, server.ServeOptions{}).Addr + "/big:1"
			_, err = s.Push(b.Context(), loaded[0].ID, image.PushOptions{Destination: ref})
			require.NoError(b, err)
			require.NoError(b, s.Tag(b.Context(), loaded[0].ID, "localhost/big:1"))
			f(b, s, ref)
		})
	}
}

// spread reports the least and the middle of what iterations took.
type spread []time.Duration

func (s *spread) time(f func()) {
	begin := time.Now()
	f()
	*s = append(*s, time.Since(begin))
}

func (s *spread) report(b *testing.B) {
	slices.Sort(*s)
	b.ReportMetric((*s)[0].Seconds(), "min-s")
	b.ReportMetric((*s)[len(*s)/2].Seconds(), "median-s")
}

// peer runs the command of another tool, and skips where there is none.
func peer(b *testing.B, args ...string) func() {
	if _, err := exec.LookPath(args[0]); err != nil {
		b.Skip(args[0] + " is not installed")
	}
	return func() {
		out, err := exec.Command(args[0], args[1:]...).CombinedOutput()
		require.NoError(b, err, "%s", out)
	}
}

// storage is a store for podman and skopeo alone.
func benchStorage(b *testing.B) (dir string) {
	dir = b.TempDir()
	b.Cleanup(func() {
		_ = exec.Command("umount", "-l", dir+"/graph/overlay").Run() // it may not be mounted
	})
	return dir
}

// BenchmarkPull pulls an image into an empty store, beside skopeo where that is installed.
func BenchmarkPull(b *testing.B) {
	forBench(b, func(b *testing.B, _ *image.Store, ref string) {
		b.Run("caisson", func(b *testing.B) {
			var took spread
			for b.Loop() {
				b.StopTimer()
				s := open(b)
				b.StartTimer()
				took.time(func() {
					_, err := s.Pull(b.Context(), ref, image.PullOptions{})
					require.NoError(b, err)
				})
				b.StopTimer()
				_, err := s.Prune(b.Context(), image.PruneOptions{All: true})
				require.NoError(b, err)
				b.StartTimer()
			}
			took.report(b)
		})
		b.Run("skopeo", func(b *testing.B) {
			var took spread
			for b.Loop() {
				b.StopTimer()
				dir := benchStorage(b)
				run := peer(b, "skopeo", "copy", "--src-tls-verify=false", "docker://"+ref, "containers-storage:[overlay@"+dir+"/graph+"+dir+"/run]localhost/big:1")
				b.StartTimer()
				took.time(run)
			}
			took.report(b)
		})
	})
}

// BenchmarkPush pushes an image to a registry that is empty each time, beside skopeo and podman where they are installed: with
// the same compression, but for podman, which has no option for the level.
func BenchmarkPush(b *testing.B) {
	forBench(b, func(b *testing.B, s *image.Store, ref string) {
		push := func(b *testing.B, f func(b *testing.B, to string) func()) {
			var took spread
			for b.Loop() {
				b.StopTimer()
				reg, err := server.Serve(server.Options{}, server.ServeOptions{})
				require.NoError(b, err)
				run := f(b, reg.Addr+"/big:1")
				b.StartTimer()
				took.time(run)
				b.StopTimer()
				require.NoError(b, reg.Close())
				b.StartTimer()
			}
			took.report(b)
		}
		b.Run("caisson", func(b *testing.B) {
			push(b, func(b *testing.B, to string) func() {
				return func() {
					_, err := s.Push(b.Context(), "localhost/big:1", image.PushOptions{Destination: to})
					require.NoError(b, err)
				}
			})
		})
		dir := benchStorage(b)
		from := "containers-storage:[overlay@" + dir + "/graph+" + dir + "/run]localhost/big:1"
		b.Run("skopeo", func(b *testing.B) {
			peer(b, "skopeo", "copy", "--src-tls-verify=false", "docker://"+ref, from)()
			push(b, func(b *testing.B, to string) func() {
				return peer(b, "skopeo", "copy", "--dest-tls-verify=false", "--dest-compress-format=gzip", "--dest-compress-level=3", from, "docker://"+to)
			})
		})
		b.Run("podman", func(b *testing.B) {
			peer(b, "podman", "--version")()
			peer(b, "skopeo", "copy", "--src-tls-verify=false", "docker://"+ref, from)()
			push(b, func(b *testing.B, to string) func() {
				return peer(b, "podman", "--root="+dir+"/graph", "--runroot="+dir+"/run", "--storage-driver=overlay", "push", "--tls-verify=false", "localhost/big:1", "docker://"+to)
			})
		})
	})
}
