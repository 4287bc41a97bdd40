package images_test

import (
	"context"
	"encoding/json"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/opencontainers/go-digest"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/stretchr/testify/require"
	"go.podman.io/storage"

	"github.com/caisson-dev/caisson/agent/internal/images"
	"github.com/caisson-dev/caisson/agent/internal/state"
	"github.com/caisson-dev/caisson/image"
	"github.com/caisson-dev/caisson/internal/testenv"
)

func TestMain(m *testing.M) { testenv.InMountNamespace(m) }

func service(t testing.TB, layout state.Layout) *images.Service {
	t.Helper()
	testenv.Root(t)
	s, err := images.Open(images.Config{Layout: layout})
	require.NoError(t, err)
	return images.New(s, nil)
}

func layoutIn(t testing.TB) state.Layout {
	dir := t.TempDir()
	return state.Layout{Root: filepath.Join(dir, "root"), RunRoot: filepath.Join(dir, "run")}
}

// fill makes n images of three layers each, the lowest shared by ten.
func fill(t testing.TB, s storage.Store, n int) {
	t.Helper()
	for i := range n {
		parent := ""
		var cfg v1.Image
		cfg.OS, cfg.Architecture = "linux", "amd64"
		cfg.Config.Env = []string{fmt.Sprint("N=", i)}
		now := time.Now()
		for j := range 3 {
			key := fmt.Sprintf("%d-%d", i, j)
			if j == 0 {
				key = fmt.Sprint(i / 10)
			}
			d := digest.FromString(key)
			cfg.RootFS.DiffIDs = append(cfg.RootFS.DiffIDs, d)
			cfg.History = append(cfg.History, v1.History{Created: &now, CreatedBy: key})
			if !s.Exists(d.Encoded()) {
				_, err := s.CreateLayer(d.Encoded(), parent, nil, "", false, nil)
				require.NoError(t, err)
			}
			parent = d.Encoded()
		}
		b, err := json.Marshal(cfg)
		require.NoError(t, err)
		id := digest.FromBytes(b)
		_, err = s.CreateImage(id.Encoded(), []string{fmt.Sprintf("docker.io/library/i%d:latest", i)}, parent, "", &storage.ImageOptions{
			BigData: []storage.ImageBigDataOption{{Key: id.String(), Data: b, Digest: id}},
		})
		require.NoError(t, err)
	}
}

// BenchmarkList lists 500 images: cold has nothing in memory, as a command that lists once; warm is a second list.
func BenchmarkList(b *testing.B) {
	layout := layoutIn(b)
	s := service(b, layout)
	fill(b, s.Storage(), 500)
	b.Run("warm", func(b *testing.B) {
		for b.Loop() {
			list(b, s)
		}
	})
	require.NoError(b, s.Close())
	b.Run("cold", func(b *testing.B) {
		for b.Loop() {
			b.StopTimer()
			s := service(b, layout)
			b.StartTimer()
			list(b, s)
			b.StopTimer()
			require.NoError(b, s.Close())
			b.StartTimer()
		}
	})
}

func list(b *testing.B, s *images.Service) {
	imgs, err := s.List(context.Background(), image.ListOptions{})
	require.NoError(b, err)
	require.Len(b, imgs, 500)
}
