//go:build linux

package container_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/caisson-dev/caisson/internal/testenv"
)

// TestAsOrdinaryUser runs the tests of this package as users who are not root, with subordinate ids and without.
func TestAsOrdinaryUser(t *testing.T) {
	for _, name := range []string{testenv.UserSubIDs, testenv.UserOneID} {
		t.Run(name, func(t *testing.T) {
			cmd := testenv.AsUser(t, name, "-test.v", "-test.skip=TestAsOrdinaryUser|TestKill")
			out, err := cmd.CombinedOutput()
			t.Logf("%s", out)
			require.NoError(t, err)
			require.Contains(t, string(out), "\nPASS\n")
		})
	}
}
