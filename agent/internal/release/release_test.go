package release

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/mod/module"

	"github.com/caisson-dev/caisson/internal/agentbin"
)

var root = module.Version{Path: "github.com/caisson-dev/caisson", Version: "v1.2.3"}

func TestRequireRoot(t *testing.T) {
	for name, test := range map[string]struct{ in, want, fails string }{
		"replaced": {
			in:   "module m\n\ngo 1.26.0\n\nrequire (\n\texample.com/x v1.0.0\n)\n\nrequire github.com/caisson-dev/caisson v0.0.0\n\nreplace github.com/caisson-dev/caisson => ../\n",
			want: "module m\n\ngo 1.26.0\n\nrequire example.com/x v1.0.0\n\nrequire github.com/caisson-dev/caisson v1.2.3\n",
		},
		"published": {in: "module m\n\nrequire github.com/caisson-dev/caisson v1.0.0\n", want: "module m\n\nrequire github.com/caisson-dev/caisson v1.2.3\n"},
		"other":     {in: "module m\n\nreplace example.com/x => ../x\n", fails: "replaces example.com/x"},
		"broken":    {in: "modul m\n", fails: "unknown directive"},
	} {
		got, err := requireRoot([]byte(test.in), root)
		if test.fails != "" {
			require.ErrorContains(t, err, test.fails, name)
			continue
		}
		require.NoError(t, err, name)
		assert.Equal(t, test.want, string(got), name)
	}
}

func TestAddSums(t *testing.T) {
	in := "a v1 h1:a=\ngithub.com/caisson-dev/caisson v1.0.0 h1:old=\ngithub.com/caisson-dev/caisson/x v1.0.0 h1:x=\nz v1 h1:z=\n"
	got := addSums([]byte(in), root.Path, []string{root.Path + " v1.2.3 h1:new="})
	assert.Equal(t, "a v1 h1:a=\ngithub.com/caisson-dev/caisson v1.2.3 h1:new=\ngithub.com/caisson-dev/caisson/x v1.0.0 h1:x=\nz v1 h1:z=\n", string(got))
	assert.Equal(t, "a v1 h1:a=\n", string(addSums(nil, root.Path, []string{"a v1 h1:a="})))
}

// checkout is a small one, with what must not be published.
func checkout(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range map[string]string{
		"go.mod": "module github.com/caisson-dev/caisson\n", "x.go": "package caisson\n", ".gitignore": "/bin/\n", "bin/big": "x",
		"agent/go.mod": "module github.com/caisson-dev/caisson/agent\n\nrequire github.com/caisson-dev/caisson v0.0.0\n\nreplace github.com/caisson-dev/caisson => ../\n",
		"agent/go.sum": "", "agent/agent.go": "package agent\n",
	} {
		path := filepath.Join(dir, name)
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		require.NoError(t, os.WriteFile(path, []byte(text), 0o644))
	}
	return dir
}

func TestProxy(t *testing.T) {
	for _, git := range []bool{false, true} {
		dir, at, cache := checkout(t), t.TempDir(), t.TempDir()
		if git {
			require.NoError(t, exec.Command("git", "-C", dir, "init", "-q").Run())
		}
		require.NoError(t, Proxy(at, dir, "v1.2.3"))
		run := func(in string, args ...string) string {
			cmd := exec.Command("go", args...)
			cmd.Dir = in
			cmd.Env = append(os.Environ(), "GOPROXY=file://"+at, "GOSUMDB=off", "GOMODCACHE="+cache, "GOFLAGS=-modcacherw", "GOWORK=off")
			out, err := cmd.CombinedOutput()
			require.NoError(t, err, "%s", out)
			return string(out)
		}
		run(t.TempDir(), "mod", "download", "github.com/caisson-dev/caisson/agent@v1.2.3")
		agent := filepath.Join(cache, "github.com/caisson-dev/caisson/agent@v1.2.3")
		assert.Contains(t, run(agent, "list", "-mod=readonly", "-m", "all"), "github.com/caisson-dev/caisson v1.2.3\n")
		run(agent, "mod", "verify")
		run(agent, "mod", "download", "all") // the hashes of its go.sum fit
		root := filepath.Join(cache, "github.com/caisson-dev/caisson@v1.2.3")
		assert.NoFileExists(t, filepath.Join(root, "bin", "big"))
		assert.NoFileExists(t, filepath.Join(root, "agent", "agent.go"))
		assert.FileExists(t, filepath.Join(root, "x.go"))
	}
	require.ErrorContains(t, Proxy(t.TempDir(), checkout(t), "1.2"), "not a valid version")
}

// TestProxyBinaries: what is pinned in the root module is what the go command says of the module of binaries.
func TestProxyBinaries(t *testing.T) {
	dir, at, cache := checkout(t), t.TempDir(), t.TempDir()
	b := Binaries{Arch: "arm64", Dir: t.TempDir()}
	for _, name := range agentbin.Names() {
		require.NoError(t, os.WriteFile(filepath.Join(b.Dir, name), []byte("binary of "+name), 0o755))
	}
	require.NoError(t, os.MkdirAll(filepath.Join(dir, filepath.Dir(PinsFile)), 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(dir, PinsFile), []byte("package agentbin\n"), 0o644))
	require.NoError(t, Proxy(at, dir, "v1.2.3", b))
	cmd := exec.Command("go", "mod", "download", "-json", "github.com/caisson-dev/agent-linux-arm64@v1.2.3", "github.com/caisson-dev/caisson@v1.2.3")
	cmd.Dir = t.TempDir()
	cmd.Env = append(os.Environ(), "GOPROXY=file://"+at, "GOSUMDB=off", "GOMODCACHE="+cache, "GOFLAGS=-modcacherw", "GOWORK=off")
	out, err := cmd.Output()
	require.NoError(t, err, "%s", out)
	var agent, root struct{ Dir, Sum string }
	dec := json.NewDecoder(bytes.NewReader(out))
	require.NoError(t, dec.Decode(&agent))
	require.NoError(t, dec.Decode(&root))
	pins, err := os.ReadFile(filepath.Join(root.Dir, PinsFile))
	require.NoError(t, err)
	zip, err := os.Stat(filepath.Join(at, "github.com/caisson-dev/agent-linux-arm64/@v/v1.2.3.zip"))
	require.NoError(t, err)
	assert.Contains(t, string(pins), fmt.Sprintf("version: \"v1.2.3\",\n\tagents: map[string]pin{\n\t\t\"arm64\": {sum: %q, size: %d},\n", agent.Sum, zip.Size()))
	for _, name := range agentbin.Names() {
		assert.FileExists(t, filepath.Join(agent.Dir, name))
	}

	require.NoError(t, os.Remove(filepath.Join(b.Dir, "caisson-agent-init")))
	require.ErrorContains(t, Proxy(t.TempDir(), dir, "v1.2.3", b), "has no caisson-agent-init")
}

// TestCopySource: an agent is built from the same go.mod before and after the commit of a release.
func TestCopySource(t *testing.T) {
	before, after := t.TempDir(), t.TempDir()
	dir := checkout(t)
	require.NoError(t, copySource(dir, before))
	require.NoError(t, Write(dir, "v1.2.3"))
	require.NoError(t, copySource(dir, after))
	for _, name := range []string{"agent/go.mod", "agent/go.sum"} {
		want, err := os.ReadFile(filepath.Join(before, name))
		require.NoError(t, err)
		got, err := os.ReadFile(filepath.Join(after, name))
		require.NoError(t, err)
		assert.Equal(t, strings.TrimSpace(string(want)), strings.TrimSpace(string(got)), name)
	}
	assert.NoFileExists(t, filepath.Join(after, "bin", "big"))
	assert.FileExists(t, filepath.Join(after, "agent", "agent.go"))
}

func TestTags(t *testing.T) {
	assert.Contains(t, tags("v1.2.3-rc.1"), ",caisson_release,caisson_v1_2_3_rc_1")
}

func TestWrite(t *testing.T) {
	dir := checkout(t)
	require.NoError(t, Write(dir, "v1.2.3"))
	mod, err := os.ReadFile(filepath.Join(dir, "agent", "go.mod"))
	require.NoError(t, err)
	assert.Equal(t, "module github.com/caisson-dev/caisson/agent\n\nrequire github.com/caisson-dev/caisson v1.2.3\n", string(mod))
	sum, err := os.ReadFile(filepath.Join(dir, "agent", "go.sum"))
	require.NoError(t, err)
	assert.Equal(t, 2, strings.Count(string(sum), "github.com/caisson-dev/caisson v1.2.3"))
}
