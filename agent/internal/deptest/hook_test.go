// Package deptest holds the lines between the agent's packages, and what each start of its binary pays for.
package deptest

import (
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestHookImportsNothing: whatever it imported would be initialised before it, as runtime is in any case.
func TestHookImportsNothing(t *testing.T) {
	out, err := exec.Command("go", "list", "-f", `{{join .Imports "\n"}}`, "github.com/caisson-dev/caisson/agent/internal/hook").Output()
	require.NoError(t, err)
	imports := strings.Fields(string(out))
	require.NotEmpty(t, imports)
	for _, i := range imports {
		assert.Contains(t, []string{"runtime", "syscall", "unsafe"}, i)
	}
}
