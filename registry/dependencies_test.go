package registry_test

import (
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestThin holds the line on what an importer gets: few packages, on every system, and not the testing package.
func TestThin(t *testing.T) {
	for _, system := range []string{"linux", "darwin", "windows"} {
		cmd := exec.Command("go", "list", "-deps", "-f", "{{if not .Standard}}{{.ImportPath}}{{else}}std {{.ImportPath}}{{end}}", ".")
		cmd.Env = append(cmd.Environ(), "GOOS="+system, "CGO_ENABLED=0")
		out, err := cmd.Output()
		require.NoError(t, err)
		var third []string
		for line := range strings.Lines(string(out)) {
			line = strings.TrimSpace(line)
			assert.NotEqual(t, "std testing", line)
			if !strings.HasPrefix(line, "std ") && !strings.HasPrefix(line, "github.com/caisson-dev/") {
				third = append(third, line)
			}
		}
		assert.LessOrEqual(t, len(third), 14, "%s: %v", system, third)
		t.Logf("%s: %d third-party packages", system, len(third))
	}
}
