package container_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/caisson-dev/caisson/container"
)

func TestDockerenv(t *testing.T) {
	t.Parallel()
	e := newEngine(t)
	for _, readOnly := range []bool{false, true} {
		c := start(t, e, container.Options{Cmd: []string{"sleep", "1h"}, ReadOnly: readOnly})
		out, err := c.Command("/bin/testbox", "stat", "/.dockerenv").Output(t.Context())
		require.NoError(t, err)
		assert.Equal(t, "/.dockerenv 100755 0:0 0\n", string(out))
		changes, err := c.Diff(t.Context())
		require.NoError(t, err)
		assert.NotContains(t, changes, container.Change{Kind: container.ChangeAdded, Path: "/.dockerenv"})
	}
}
