package inputs

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestNoted(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	require.NoError(t, os.MkdirAll(filepath.Join(dir, "deep", "module"), 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "file"), []byte("x"), 0o644))
	require.NoError(t, os.Symlink(filepath.Join("deep", "module"), filepath.Join(dir, "link")))
	inside := filepath.Join(dir, "link", "x")
	assert.Equal(t, inside, noted(filepath.Join(dir, "link"), inside))
	assert.Equal(t, dir, noted(dir, dir))
	assert.Equal(t, dir, noted("", dir))
	for _, root := range []string{filepath.Join(dir, "link"), filepath.Join(dir, "deep", "module"), filepath.Join(dir, "deep")} {
		got := noted(root, filepath.Join(dir, "file"))
		assert.True(t, strings.HasPrefix(got, root+"/"), got)
		text, err := os.ReadFile(got)
		require.NoError(t, err)
		assert.Equal(t, "x", string(text))
	}
}

func TestListFlags(t *testing.T) {
	t.Parallel()
	got := listFlags([]string{"-cover", "--tags=a,b", "-tags", "c", "-race", "-o", "x", "-modfile=other.mod", "-ldflags=-X=a.b=c"})
	assert.Equal(t, []string{"-tags=a,b", "-tags=c", "-race", "-modfile=other.mod"}, got)
	assert.Equal(t, []string{"/m/other.mod", "/m/other.sum", "/o.json"}, flagFiles("/m", []string{"-modfile=other.mod", "-overlay", "/o.json", "-tags=x"}))
}

func TestModuleFiles(t *testing.T) {
	t.Parallel()
	assert.Equal(t, []string{"/w/go.work", "/w/m/go.mod", "/h/env", "/w/m/go.sum", "/w/m/vendor/modules.txt", "/w/go.work.sum", "/w/vendor/modules.txt"},
		moduleFiles("/w/go.work", "/w/m/go.mod", "/h/env"))
	assert.Empty(t, moduleFiles("off", os.DevNull, ""))
}

func TestPackageFiles(t *testing.T) {
	t.Parallel()
	got, err := packageFiles(strings.NewReader(`
{"Dir": "/go/src/fmt", "Standard": true, "GoFiles": ["print.go"]}
{"Dir": "/cache/x@v1", "Module": {"Path": "x", "Version": "v1", "Dir": "/cache/x@v1", "GoMod": "/cache/x.mod"}, "GoFiles": ["x.go"]}
{"Dir": "/cache/y@v1", "Module": {"Path": "z", "Version": "v1", "Dir": "/cache/y@v1", "Replace": {"Path": "y", "Version": "v1"}}, "GoFiles": ["y.go"]}
{"Dir": "/dep", "Module": {"Path": "dep", "Version": "v0.0.0", "Dir": "/dep", "GoMod": "/dep/go.mod", "Replace": {"Path": "../dep"}}, "GoFiles": ["d.go"]}
{"Dir": "/m/vendor/v", "Module": {"Path": "v", "Version": "v1"}, "GoFiles": ["v.go"]}
{"Dir": "/m/cmd", "Module": {"Path": "m", "Main": true, "Dir": "/m", "GoMod": "/m/go.mod"}, "GoFiles": ["main.go"], "SFiles": ["a.s"],
 "IgnoredGoFiles": ["gen.go"], "EmbedFiles": ["static/deep/a.txt"]}`))
	require.NoError(t, err)
	assert.Equal(t, []string{
		"/dep", "/dep/d.go", "/dep/go.mod", "/m/cmd", "/m/cmd/a.s", "/m/cmd/gen.go", "/m/cmd/main.go", "/m/cmd/static", "/m/cmd/static/deep",
		"/m/cmd/static/deep/a.txt", "/m/go.mod", "/m/vendor/v", "/m/vendor/v/v.go",
	}, got)
	_, err = packageFiles(strings.NewReader("{"))
	require.Error(t, err)
}
