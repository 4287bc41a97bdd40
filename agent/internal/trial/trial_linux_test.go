package trial_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/caisson-dev/caisson/internal/client"
	"github.com/caisson-dev/caisson/internal/testenv"
)

// TestTry: where the tests of this module run, everything works, as root and as an ordinary user, and nothing is left.
func TestTry(t *testing.T) {
	before, err := os.ReadFile("/proc/self/mountinfo")
	require.NoError(t, err)
	results, warning, err := client.Try(t.Context())
	require.NoError(t, err)
	assert.Empty(t, warning)
	assert.Len(t, results, 7)
	for _, r := range results {
		assert.Empty(t, r.Err, r.Name)
	}
	after, err := os.ReadFile("/proc/self/mountinfo")
	require.NoError(t, err)
	assert.Equal(t, string(before), string(after))
}

func TestTryAsUser(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("the other test did that")
	}
	for _, user := range []string{testenv.UserSubIDs, testenv.UserOneID} {
		testenv.Run(t, testenv.AsUser(t, user, "-test.v", "-test.run=^TestTry$"))
	}
}

// TestTryWithoutMapper: where newuidmap does not work, as in many outer containers, containers have one user id, and it is
// said why.
func TestTryWithoutMapper(t *testing.T) {
	if os.Getenv("CAISSON_TEST_USER") != "" {
		results, warning, err := client.Try(t.Context())
		require.NoError(t, err)
		assert.Equal(t, "subordinate ids can't be mapped: newuidmap: exit status 1: it is not to work", warning)
		for _, r := range results {
			assert.Empty(t, r.Err, r.Name)
		}
		return
	}
	if os.Geteuid() != 0 {
		t.Skip("it runs as another user")
	}
	dir := t.TempDir()
	require.NoError(t, os.Chmod(filepath.Dir(dir), 0o755))
	require.NoError(t, os.Chmod(dir, 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "newuidmap"), []byte("#!/bin/sh\necho it is not to work\nexit 1\n"), 0o755))
	cmd := testenv.AsUser(t, testenv.UserSubIDs, "-test.v", "-test.run=^TestTryWithoutMapper$")
	cmd.Env = append(cmd.Env, "PATH="+dir+":"+os.Getenv("PATH"))
	testenv.Run(t, cmd)
}
