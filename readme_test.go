package caisson_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/stretchr/testify/require"
)

const readmeProgram = `package readme

import (
	"context"
	"fmt"
	"os"

	"github.com/caisson-dev/caisson/container"
	"github.com/caisson-dev/caisson/image"
)

func Program(ctx context.Context) error {
`

const readmeTest = `package readme

import (
	"net/http"
	"testing"

	"github.com/caisson-dev/caisson/dockertest"
)

`

// The program and the test of the README compile as they stand there, with imports around them.
func TestReadmeCompiles(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("README.md")
	require.NoError(t, err)
	blocks := regexp.MustCompile("(?s)```go\n(.*?)```").FindAllSubmatch(text, -1)
	require.Len(t, blocks, 2, "the README has one program and one test")

	dir := t.TempDir()
	replace := map[string]string{}
	add := func(name, content string) {
		file := filepath.Join(dir, name)
		require.NoError(t, os.WriteFile(file, []byte(content), 0o600))
		at, err := filepath.Abs(filepath.Join("internal", "readme", name))
		require.NoError(t, err)
		replace[at] = file
	}
	add("readme.go", readmeProgram+string(blocks[0][1])+"return err\n}\n")
	add("readme_test.go", readmeTest+string(blocks[1][1]))
	overlay := filepath.Join(dir, "overlay.json")
	b, err := json.Marshal(map[string]any{"Replace": replace})
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(overlay, b, 0o600))

	// Vet would enter the directory, which exists in the overlay alone.
	out, err := exec.CommandContext(t.Context(), "go", "test", "-c", "-vet=off", "-o", os.DevNull, "-overlay", overlay, "./internal/readme").CombinedOutput()
	require.NoError(t, err, "%s", out)
}
