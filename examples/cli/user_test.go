//go:build linux

package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/caisson-dev/caisson/internal/testenv"
)

// TestAsOrdinaryUser runs a script as each user who is not root, with subordinate ids and without.
func TestAsOrdinaryUser(t *testing.T) {
	if os.Getenv("CAISSON_TEST_USER") != "" {
		t.Skip("this is it")
	}
	for name, script := range map[string]string{testenv.UserSubIDs: "operations", testenv.UserOneID: "options"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cmd := testenv.AsUser(t, name, "-test.run=TestScripts/"+script)
			require.NoError(t, os.CopyFS(filepath.Join(cmd.Dir, "testdata"), os.DirFS("testdata")))
			testenv.Run(t, cmd)
		})
	}
}
