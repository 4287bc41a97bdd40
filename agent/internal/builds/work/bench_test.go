//go:build linux

package work_test

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/caisson-dev/caisson/agent/internal/builds/work"
	"github.com/caisson-dev/caisson/internal/testenv"
)

func benchBase(b *testing.B) (*work.Worker, work.Layer) {
	b.Helper()
	w, err := shared.s.Worker()
	require.NoError(b, err)
	b.Cleanup(func() { require.NoError(b, w.Close()) })
	dir := b.TempDir()
	require.NoError(b, os.WriteFile(filepath.Join(dir, "testbox"), testenv.Testbox(b), 0o755))
	src, err := w.Context(dir, work.ContextOptions{})
	require.NoError(b, err)
	r, err := w.Begin(b.Context(), "")
	require.NoError(b, err)
	require.NoError(b, r.Copy(b.Context(), work.Copy{Source: src, Paths: []string{"testbox"}, Dest: "/bin/"}))
	l, err := r.Commit(b.Context(), work.CommitOptions{})
	require.NoError(b, err)
	return w, l
}

// BenchmarkRun is the overhead of a RUN step, by the network that it has, and of one that copies nothing.
func BenchmarkRun(b *testing.B) {
	w, base := benchBase(b)
	for _, network := range []string{"default", "none", "host", "no command"} {
		b.Run(network, func(b *testing.B) {
			for i := range b.N {
				r, err := w.Begin(b.Context(), base.ID)
				require.NoError(b, err)
				if network != "no command" {
					require.NoError(b, r.Run(b.Context(), work.Run{Args: []string{"/bin/testbox", "write", "/f", fmt.Sprint(network, i)}, Network: network}))
				}
				_, err = r.Commit(b.Context(), work.CommitOptions{})
				require.NoError(b, err)
			}
		})
	}
}

// BenchmarkCopy is COPY of 20,000 small files, and its key: of files that are not known, and of those that are.
func BenchmarkCopy(b *testing.B) {
	w, base := benchBase(b)
	dir := b.TempDir()
	for i := range 20_000 {
		d := filepath.Join(dir, fmt.Sprint(i/200))
		if i%200 == 0 {
			require.NoError(b, os.Mkdir(d, 0o755))
		}
		require.NoError(b, os.WriteFile(filepath.Join(d, fmt.Sprint(i)), fmt.Appendf(nil, "content of file %d", i), 0o644))
	}
	src, err := w.Context(dir, work.ContextOptions{Lasting: true})
	require.NoError(b, err)
	c := work.Copy{Source: src, Paths: []string{"."}, Dest: "/d/"}
	b.Run("digest", func(b *testing.B) {
		for b.Loop() {
			_, err := src.Digest(b.Context(), c)
			require.NoError(b, err)
		}
	})
	b.Run("copy", func(b *testing.B) {
		for b.Loop() {
			r, err := w.Begin(b.Context(), base.ID)
			require.NoError(b, err)
			require.NoError(b, r.Copy(b.Context(), c))
			require.NoError(b, r.Close())
		}
	})
	b.Run("copy and commit", func(b *testing.B) {
		for i := range b.N {
			r, err := w.Begin(b.Context(), base.ID)
			require.NoError(b, err)
			require.NoError(b, r.Copy(b.Context(), c))
			require.NoError(b, r.Run(b.Context(), work.Run{Args: []string{"/bin/testbox", "write", "/f", fmt.Sprint(i)}, Network: "none"}))
			_, err = r.Commit(b.Context(), work.CommitOptions{})
			require.NoError(b, err)
		}
	})
}
