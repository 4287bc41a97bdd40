package dockertest_test

import (
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestThin holds the line on what an importer's tests compile and link: a relink is most of what a developer waits for,
// and each module more is one more that scanners complain of.
func TestThin(t *testing.T) {
	goTool(t)
	for _, system := range []string{"linux", "darwin", "windows"} {
		cmd := exec.Command("go", "list", "-deps", "-f", "{{if not .Standard}}{{.ImportPath}}{{end}}", "github.com/caisson-dev/caisson/dockertest")
		cmd.Env = append(cmd.Environ(), "GOOS="+system, "CGO_ENABLED=0")
		out, err := cmd.Output()
		require.NoError(t, err)
		var third []string
		for path := range strings.FieldsSeq(string(out)) {
			own, ours := strings.CutPrefix(path, "github.com/caisson-dev/caisson/")
			if !ours {
				third = append(third, path)
			}
			assert.False(t, strings.HasPrefix(own, "agent/"), "%s: the engine (%s) is for the agent's process: it costs seconds a link", system, path)
		}
		assert.LessOrEqual(t, len(third), 25, "%s: %v", system, third)
		t.Logf("%s: %d third-party packages", system, len(third))
	}
}
