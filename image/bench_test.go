package image_test

import (
	"fmt"
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/caisson-dev/caisson/image"
	"github.com/caisson-dev/caisson/registry"
)

// BenchmarkPull pulls 300 MB in 10 layers into an empty store, beside skopeo where that is installed.
func BenchmarkPull(b *testing.B) {
	reg := serve(b, registry.ServerOptions{}, registry.ServeOptions{})
	s := open(b)
	var text strings.Builder
	text.WriteString(base)
	for i := range 9 {
		fmt.Fprintf(&text, "RUN fill /data%d 33000000\n", i)
	}
	_, err := build(b, s, text.String(), image.BuildOptions{Tags: []string{"big"}}, nil)
	require.NoError(b, err)
	_, err = s.Push(b.Context(), "big", image.PushOptions{Destination: reg.Addr + "/big"})
	require.NoError(b, err)
	b.Run("caisson", func(b *testing.B) {
		for b.Loop() {
			b.StopTimer()
			other := open(b)
			b.StartTimer()
			_, err := other.Pull(b.Context(), reg.Addr+"/big", image.PullOptions{})
			require.NoError(b, err)
			b.StopTimer()
			_, err = other.Prune(b.Context(), image.PruneOptions{All: true})
			require.NoError(b, err)
			b.StartTimer()
		}
	})
	b.Run("skopeo", func(b *testing.B) {
		if _, err := exec.LookPath("skopeo"); err != nil {
			b.Skip("skopeo is not installed")
		}
		for b.Loop() {
			b.StopTimer()
			dir := b.TempDir()
			b.StartTimer()
			out, err := exec.Command("skopeo", "copy", "--src-tls-verify=false", "docker://"+reg.Addr+"/big:latest",
				"containers-storage:[overlay@"+dir+"/graph+"+dir+"/run]localhost/big:latest").CombinedOutput()
			require.NoError(b, err, "%s", out)
			b.StopTimer()
			_ = exec.Command("umount", "-l", dir+"/graph/overlay").Run() // it may not be mounted
			b.StartTimer()
		}
	})
}
