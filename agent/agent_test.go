//go:build linux

package agent_test

import (
	"context"
	"os"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	_ "github.com/caisson-dev/caisson/agent"
	"github.com/caisson-dev/caisson/container"
	"github.com/caisson-dev/caisson/image"
	"github.com/caisson-dev/caisson/internal/agentbin"
	"github.com/caisson-dev/caisson/internal/testenv"
)

// TestLinkedIn: one import is all that a program needs to have the agent in itself. It builds and runs a container, with no
// agent's binary on the machine.
func TestLinkedIn(t *testing.T) {
	if os.Getenv("CAISSON_TEST_USER") != "" {
		t.Skip("runs as the user who runs the tests")
	}
	t.Setenv(agentbin.EnvAgent, "/nonexistent")
	path, err := agentbin.Agent()
	require.NoError(t, err)
	assert.Equal(t, "/proc/self/exe", path)

	root, err := os.MkdirTemp("", "caisson-linked-") // Destroy removes it: an ordinary user could not
	require.NoError(t, err)
	store, err := image.OpenStore(image.StoreOptions{Root: root})
	require.NoError(t, err)
	t.Cleanup(func() {
		store, err := image.OpenStore(image.StoreOptions{Root: root})
		require.NoError(t, err)
		assert.NoError(t, store.Destroy(context.Background()))
	})
	ctx := t.Context()
	_, err = store.Build(ctx, image.BuildOptions{
		Context:        fstest.MapFS{"testbox": {Data: testenv.Testbox(t), Mode: 0o755}},
		DockerfileText: "FROM scratch\nCOPY testbox /testbox\nRUN [\"/testbox\", \"true\"]\nENTRYPOINT [\"/testbox\"]\n",
		Tags:           []string{"localhost/linked:1"},
	})
	require.NoError(t, err)
	engine, err := container.NewEngine(store, container.EngineOptions{})
	require.NoError(t, err)
	c, err := engine.Start(ctx, container.Options{Image: "localhost/linked:1", Cmd: []string{"sleep", "1h"}})
	require.NoError(t, err)
	out, err := c.Command("/testbox", "echo", "hello").Output(ctx)
	require.NoError(t, err)
	assert.Equal(t, "hello\n", string(out))
	require.NoError(t, store.Close())
}
