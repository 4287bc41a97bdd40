package dockerfile

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	bk "github.com/moby/buildkit/frontend/dockerfile/parser"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// buildkit is the directory of BuildKit's Dockerfile packages, in the version that this module uses.
func buildkit(t *testing.T) string {
	t.Helper()
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/moby/buildkit").Output()
	require.NoError(t, err)
	return filepath.Join(strings.TrimSpace(string(out)), "frontend", "dockerfile")
}

// TestBuildKitParser: the parser's own files are read to its own results, and ours is the same reading.
func TestBuildKitParser(t *testing.T) {
	t.Parallel()
	dirs, err := filepath.Glob(filepath.Join(buildkit(t), "parser", "testfiles", "*"))
	require.NoError(t, err)
	require.Greater(t, len(dirs), 25)
	for _, dir := range dirs {
		text, err := os.ReadFile(filepath.Join(dir, "Dockerfile"))
		require.NoError(t, err)
		want, err := os.ReadFile(filepath.Join(dir, "result"))
		require.NoError(t, err)
		tree, err := bk.Parse(bytes.NewReader(text))
		require.NoError(t, err, dir)
		assert.Equal(t, string(want), tree.AST.Dump()+"\n", dir)
		if _, err = plan(string(text), Options{}); refusedFiles[filepath.Base(dir)] || strings.Contains(dir, "jeztah") {
			assert.Error(t, err, dir)
		} else {
			assert.NoError(t, err, dir)
		}
	}
	dirs, err = filepath.Glob(filepath.Join(buildkit(t), "parser", "testfiles-negative", "*"))
	require.NoError(t, err)
	require.NotEmpty(t, dirs)
	for _, dir := range dirs {
		text, err := os.ReadFile(filepath.Join(dir, "Dockerfile"))
		require.NoError(t, err)
		_, err = plan(string(text), Options{})
		assert.Error(t, err, dir)
	}
}

// refusedFiles can be read, and are refused once they are looked at: they have no FROM, or nonsense.
var refusedFiles = map[string]bool{"env": true, "escapes": true, "flags": true, "health": true, "json": true}

// literals are the Dockerfiles in BuildKit's tests: string literals with a FROM, by file and line.
func literals(t *testing.T, path string) map[string]string {
	t.Helper()
	set := token.NewFileSet()
	file, err := parser.ParseFile(set, path, nil, 0)
	require.NoError(t, err)
	out := map[string]string{}
	ast.Inspect(file, func(n ast.Node) bool {
		lit, ok := n.(*ast.BasicLit)
		if !ok || lit.Kind != token.STRING {
			return true
		}
		text, err := strconv.Unquote(lit.Value)
		require.NoError(t, err)
		if whole(text) {
			out[fmt.Sprintf("%s:%d", filepath.Base(path), set.Position(lit.Pos()).Line)] = text
		}
		return true
	})
	return out
}

// whole says whether a literal is a Dockerfile, and not a part that a test completes.
func whole(text string) bool {
	trimmed := strings.TrimSpace(text)
	for _, open := range []string{"%s", "{{"} {
		if strings.Contains(text, open) {
			return false
		}
	}
	for _, end := range []string{"FROM", "=\"", "--keep-git-dir", "--checksum="} {
		if strings.HasSuffix(trimmed, end) {
			return false
		}
	}
	begins := strings.HasPrefix(trimmed, "FROM ") || strings.HasPrefix(trimmed, "ARG ") || strings.HasPrefix(trimmed, "#")
	return begins && strings.Contains(text, "FROM ") && strings.Contains(text, "\n")
}

// TestBuildKitDockerfiles: the Dockerfiles of BuildKit's own tests can be planned, but for those that it refuses, too, or
// that want what is not given.
func TestBuildKitDockerfiles(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob(filepath.Join(buildkit(t), "*_test.go"))
	require.NoError(t, err)
	more, err := filepath.Glob(filepath.Join(buildkit(t), "dockerfile2llb", "*_test.go"))
	require.NoError(t, err)
	n := 0
	for _, f := range append(files, more...) {
		for where, text := range literals(t, f) {
			n++
			_, err := plan(text, Options{Network: "host"})
			why, refused := "", false
			for part, says := range refusedTexts {
				if strings.Contains(text, part) {
					why, refused = says, true
				}
			}
			switch {
			case !refused:
				assert.NoError(t, err, "%s\n%s", where, text)
			case assert.Error(t, err, "%s\n%s", where, text):
				assert.ErrorContains(t, err, why, where)
			}
		}
	}
	require.Greater(t, n, 300)
}

// refusedTexts are parts of BuildKit's Dockerfiles that are refused, and what is said. BuildKit refuses them, too, but
// for those that are marked as ours.
var refusedTexts = map[string]string{
	"BADCMD":           "unknown instruction BADCMD",
	"check=error=true": "FromAsCasing",
	"skip=ConsistentInstructionCasing;error=true": "FromAsCasing",
	"$BULIDPLATFORM":           "is not a valid platform",
	"ARG IMAGE\nFROM $IMAGE":   "the name is empty",
	"FNTRYPOINT":               "is it ENTRYPOINT?",
	"--mont=":                  "did you mean mount?",
	"typ=tmpfs":                "did you mean type?",
	"type=tmp ":                "did you mean tmpfs?",
	"from=$ttt":                "add a stage FROM $ttt",
	"--chmod=10000":            "--chmod=10000",
	"--chmod=64a":              "--chmod=64a",
	"ADD --chmod=10000":        "--chmod=10000",
	"COPY --from=$FOO":         "--from=$FOO", // without a value; with one it is ours to take it
	"COPY http://":             "download it with ADD",
	"FROM busybox AS stage0\n": "",
	"--security=insecure":      "--security=insecure", // ours: no build may have it
	"--device=":                "--device",            // ours
}
