//go:build linux

package image_test

import (
	"archive/tar"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/caisson-dev/caisson/image"
	"github.com/caisson-dev/caisson/internal/agentbin"
	"github.com/caisson-dev/caisson/internal/testenv"
)

// agentWith copies the agent, and puts the small binaries named in small beside it: by suffix, which of the agent's.
func agentWith(t testing.TB, small map[string]string) {
	t.Helper()
	agent, err := agentbin.Agent()
	require.NoError(t, err)
	own := filepath.Join(t.TempDir(), "agent")
	copies := [][2]string{{agent, own}}
	for suffix, of := range small {
		copies = append(copies, [2]string{agent + of, own + suffix})
	}
	for _, c := range copies {
		out, err := exec.Command("cp", c[0], c[1]).CombinedOutput()
		require.NoError(t, err, "%s", out)
	}
	t.Setenv(agentbin.EnvAgent, own)
}

// TestCopier: a build is the same with the small binary for copiers and without it. Another program in its place, which
// is no copier, shows that it is used.
func TestCopier(t *testing.T) {
	testenv.Slow(t)
	var ids []string
	for _, small := range []map[string]string{
		{agentbin.InitSuffix: agentbin.InitSuffix, agentbin.CopierSuffix: agentbin.CopierSuffix},
		{agentbin.InitSuffix: agentbin.InitSuffix},
		{},
		{agentbin.CopierSuffix: agentbin.InitSuffix},
	} {
		t.Run(fmt.Sprint(len(ids)), func(t *testing.T) {
			agentWith(t, small)
			img, err := build(t, open(t), base+"COPY --chmod=640 a /d/\nADD b.tar /d/\nRUN echo x > /x\n", image.BuildOptions{
				Result: image.ResultOptions{Epoch: time.Unix(1e9, 0)},
			}, map[string]string{"a": "a", "b.tar": string(archive(t, tar.Header{Name: "b"}))})
			if small[agentbin.CopierSuffix] == agentbin.InitSuffix {
				require.ErrorIs(t, err, image.ErrBuildStep)
				require.ErrorContains(t, err, "caisson-agent-init is started by")
				return
			}
			require.NoError(t, err)
			ids = append(ids, img.ID)
		})
	}
	require.Len(t, ids, 3)
	require.Equal(t, []string{ids[0], ids[0], ids[0]}, ids)
}

// BenchmarkBuildCached is a build of which every step is cached, 25 of them COPY: what a developer waits for who changed
// nothing. "alone" is the agent without the small binary for copiers.
func BenchmarkBuildCached(b *testing.B) {
	var text strings.Builder
	text.WriteString(base)
	files := map[string]string{}
	for i := range 25 {
		name := fmt.Sprintf("f%d", i)
		files[name] = name
		fmt.Fprintf(&text, "COPY %s /d/\nENV E%d=1\n", name, i)
	}
	dir := b.TempDir()
	require.NoError(b, os.CopyFS(dir, buildContext(b, files)))
	require.NoError(b, os.WriteFile(filepath.Join(dir, "Dockerfile"), []byte(text.String()), 0o644))
	again := func(b *testing.B, build func()) {
		build()
		var took spread
		for b.Loop() {
			took.time(build)
		}
		took.report(b)
	}
	for _, of := range []struct {
		name  string
		small map[string]string
	}{
		{"caisson", map[string]string{agentbin.InitSuffix: agentbin.InitSuffix, agentbin.CopierSuffix: agentbin.CopierSuffix}},
		{"alone", map[string]string{agentbin.InitSuffix: agentbin.InitSuffix}},
	} {
		b.Run(of.name, func(b *testing.B) {
			agentWith(b, of.small)
			s := open(b)
			again(b, func() {
				_, err := s.Build(b.Context(), image.BuildOptions{Context: os.DirFS(dir)})
				require.NoError(b, err)
			})
		})
	}
	b.Run("podman", func(b *testing.B) {
		storage := benchStorage(b)
		again(b, peer(b, "podman", "--root="+storage+"/graph", "--runroot="+storage+"/run", "--storage-driver=overlay",
			"build", "--layers", "--quiet", dir))
	})
}
