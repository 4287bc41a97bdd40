//go:build linux

package image_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/caisson-dev/caisson/image"
	"github.com/caisson-dev/caisson/internal/agenttest"
)

// played opens a store whose agent the test plays. Tests that do so begin with TestClient: they need no agent and no
// privileges.
func played(t *testing.T) (*agenttest.Agent, *image.Store) {
	t.Helper()
	a := agenttest.New(t)
	s, err := image.OpenStore(image.StoreOptions{Root: a.Root, RunRoot: a.RunRoot})
	require.NoError(t, err)
	t.Cleanup(func() { _ = s.Close() }) // its agent may be dead
	return a, s
}
