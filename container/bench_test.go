package container_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/caisson-dev/caisson/container"
	"github.com/caisson-dev/caisson/image"
)

// BenchmarkLifecycle creates a container, starts it, waits for its end and removes it, with the agent running.
func BenchmarkLifecycle(b *testing.B) {
	e := newEngine(b)
	for b.Loop() {
		c, err := e.Create(b.Context(), container.Options{Image: testImage, Cmd: []string{"true"}})
		require.NoError(b, err)
		require.NoError(b, c.Start(b.Context()))
		_, err = c.Wait(b.Context())
		require.NoError(b, err)
		require.NoError(b, c.Remove(b.Context(), container.RemoveOptions{}))
	}
}

// BenchmarkAgentStart opens and closes a store that no one else has open.
func BenchmarkAgentStart(b *testing.B) {
	root := b.TempDir()
	for b.Loop() {
		store, err := image.OpenStore(image.StoreOptions{Root: root})
		require.NoError(b, err)
		b.StopTimer()
		require.NoError(b, store.Close())
		b.StartTimer()
	}
}

// BenchmarkExec runs a command in a running container.
func BenchmarkExec(b *testing.B) {
	e := newEngine(b)
	c := start(b, e, container.Options{Cmd: []string{"sleep", "1h"}})
	for b.Loop() {
		require.NoError(b, c.Command("/bin/testbox", "true").Run(b.Context()))
	}
}
