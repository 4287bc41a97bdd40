//go:build linux

package runc

import (
	"os/exec"
	"testing"

	"github.com/opencontainers/cgroups"
	"github.com/opencontainers/cgroups/manager"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/caisson-dev/caisson/agent/internal/names"
	"github.com/caisson-dev/caisson/internal/testenv"
)

// TestCleanCgroup: control groups of which libcontainer has no state go with their processes.
func TestCleanCgroup(t *testing.T) {
	t.Parallel()
	testenv.Root(t)
	id := names.NewID()
	path := "/caisson/" + id
	r := &Runtime{root: t.TempDir()}
	require.NoError(t, r.Clean(id, path), "there is none")
	m, err := manager.New(&cgroups.Cgroup{Path: path, Resources: &cgroups.Resources{}})
	require.NoError(t, err)
	cmd := exec.Command("sleep", "1h")
	require.NoError(t, cmd.Start())
	require.NoError(t, m.Apply(cmd.Process.Pid))
	require.True(t, made(m))
	ended := make(chan error)
	go func() { ended <- cmd.Wait() }() // a zombie would be in the group for as long as it is one
	require.NoError(t, r.Clean(id, path))
	require.Error(t, <-ended, "it was killed")
	assert.False(t, made(m))
	require.NoError(t, (&Runtime{root: r.root, rootless: true}).Clean(id, path))
}
