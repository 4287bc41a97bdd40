package atomicfile_test

import (
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/caisson-dev/caisson/internal/atomicfile"
)

// TestMain is also the writer that is killed in the middle.
func TestMain(m *testing.M) {
	path := os.Getenv("ATOMICFILE_TEST")
	if path == "" {
		os.Exit(m.Run())
	}
	atomicfile.CrashAt(func() {
		self, err := os.FindProcess(os.Getpid())
		if err == nil {
			err = self.Kill()
		}
		if err != nil {
			panic(err)
		}
		select {}
	})
	_ = atomicfile.Write(path, []byte("new"), atomicfile.Options{Sync: true})
}

func names(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	var out []string
	for _, e := range entries {
		out = append(out, e.Name())
	}
	return out
}

func TestWrite(t *testing.T) {
	t.Parallel()
	for name, o := range map[string]atomicfile.Options{
		"plain":     {},
		"sync":      {Sync: true},
		"mode":      {Perm: 0o640},
		"elsewhere": {TempDir: t.TempDir(), Sync: true, Perm: 0o640},
	} {
		dir := t.TempDir()
		path := filepath.Join(dir, "file")
		for _, content := range []string{"old and longer", "new"} {
			require.NoError(t, atomicfile.Write(path, []byte(content), o), name)
			got, err := os.ReadFile(path)
			require.NoError(t, err)
			assert.Equal(t, content, string(got), name)
		}
		assert.Equal(t, []string{"file"}, names(t, dir), name)
		if o.TempDir != "" {
			assert.Empty(t, names(t, o.TempDir), name)
		}
		st, err := os.Stat(path)
		require.NoError(t, err)
		want := fs.FileMode(0o600)
		if o.Perm != 0 {
			want = o.Perm
		}
		assert.Equal(t, want, st.Mode(), name)
	}
}

// TestCrash: a writer that is killed before the rename leaves the old content, and the next one's is whole.
func TestCrash(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "file")
	require.NoError(t, atomicfile.Write(path, []byte("old"), atomicfile.Options{}))
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "ATOMICFILE_TEST="+path)
	require.Error(t, cmd.Run())
	got, err := os.ReadFile(path)
	require.NoError(t, err)
	assert.Equal(t, "old", string(got))
	assert.Equal(t, []string{"file", "file.new"}, names(t, filepath.Dir(path)), "it was killed in the middle")
	require.NoError(t, atomicfile.Write(path, []byte("x"), atomicfile.Options{}))
	got, err = os.ReadFile(path)
	require.NoError(t, err)
	assert.Equal(t, "x", string(got))
	assert.Equal(t, []string{"file"}, names(t, filepath.Dir(path)))
}

// TestFailure: what can't be put in its place leaves nothing.
func TestFailure(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "file")
	require.NoError(t, os.MkdirAll(filepath.Join(path, "full"), 0o700))
	require.Error(t, atomicfile.Write(path, []byte("x"), atomicfile.Options{}))
	assert.Equal(t, []string{"file"}, names(t, dir))
	require.ErrorIs(t, atomicfile.Write(filepath.Join(dir, "missing", "file"), nil, atomicfile.Options{}), fs.ErrNotExist)
}
