//go:build linux

package dockertest_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/caisson-dev/caisson/internal/testenv"
)

// TestAsOrdinaryUser runs the tests of this package as users who are not root, with subordinate ids and without.
func TestAsOrdinaryUser(t *testing.T) {
	t.Parallel()
	for name, skip := range map[string]string{
		testenv.UserSubIDs: "TestAsOrdinaryUser",
		// What does not depend on the ids that a user has, one of them is enough for.
		testenv.UserOneID: "TestAsOrdinaryUser|TestEndings|TestManyBinaries|TestWait|TestRestartedLog|TestReuse|TestTemplateFails",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			out := testenv.Run(t, testenv.AsUser(t, name, "-test.v", "-test.short", "-test.skip="+skip))
			require.Contains(t, string(out), "\nPASS\n")
		})
	}
}
