//go:build linux

package container_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/caisson-dev/caisson/container"
	"github.com/caisson-dev/caisson/internal/testenv"
)

// TestAsOrdinaryUser runs the tests of this package as users who are not root, with subordinate ids and without.
func TestAsOrdinaryUser(t *testing.T) {
	t.Parallel()
	for name, skip := range map[string]string{
		testenv.UserSubIDs: "TestAsOrdinaryUser",
		// What does not depend on the ids that a user has, one of them is enough for.
		testenv.UserOneID: "TestAsOrdinaryUser|TestHealth|TestRestart|TestListSelects|TestPruneSelects|TestEvents|TestLog|TestStats|TestTop|" +
			"TestFromAnotherProcess|TestMachineRestart|TestStopSignal|TestIdleTimeout|TestUpdateRestart|TestPruneVolumes|TestDetachedAgentKilled|" +
			"TestKillOwnerOfAPausedContainer|TestNetworkOwnerKilled|TestFork|TestKillForker|TestCommit|TestDetachedStartedTwice|TestStartedIsTheCommand",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			out := testenv.Run(t, testenv.AsUser(t, name, "-test.v", "-test.short", "-test.skip="+skip))
			require.Contains(t, string(out), "\nPASS\n")
		})
	}
}

// TestOneID: where the user has one id, a container has root alone, and says what to do.
func TestOneID(t *testing.T) {
	t.Parallel()
	if !testenv.OneID() {
		t.Skip("runs as part of TestAsOrdinaryUser")
	}
	e := newEngine(t)
	out, _, _ := run(t, e, container.Options{Cmd: []string{"id"}})
	require.Equal(t, "0 0 ", out[:4])
	err := create(t, e, container.Options{User: "alice"}).Start(t.Context())
	require.ErrorIs(t, err, container.ErrUnsupported)
	require.ErrorContains(t, err, "/etc/subuid")
}
