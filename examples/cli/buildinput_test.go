package main

import (
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/caisson-dev/caisson/image"
)

func TestBuildInput(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.MkdirAll(filepath.Join(dir, "ctx"), 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "ctx", "Other"), []byte("FROM a"), 0o644))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "Outside"), []byte("FROM b"), 0o644))
	t.Chdir(dir)
	for _, tc := range []struct {
		name, dir, file, stdin string
		dockerfile, text       string
		context, tar           bool
	}{
		{"directory", "ctx", "", "", "", "", true, false},
		{"file in the context", "ctx", "ctx/Other", "", "Other", "", true, false},
		{"file outside", "ctx", "Outside", "", "", "FROM b", true, false},
		{"file on standard input", "ctx", "-", "FROM c", "", "FROM c", true, false},
		{"all on standard input", "-", "", "FROM d", "", "FROM d", false, false},
		{"zstd'd tar", "-", "", "\x28\xb5\x2f\xfd and so on", "", "", false, true},
		{"gzip'd tar", "-", "", "\x1f\x8b and so on", "", "", false, true},
		{"tar", "-", "sub/File", strings.Repeat("\x00", 257) + "ustar" + strings.Repeat("\x00", 600), "sub/File", "", false, true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var o image.BuildOptions
			require.NoError(t, buildInput(&o, tc.dir, tc.file, strings.NewReader(tc.stdin)))
			require.Equal(t, tc.dockerfile, o.Dockerfile)
			require.Equal(t, tc.text, o.DockerfileText)
			require.Equal(t, tc.context, o.Context != nil)
			require.Equal(t, tc.tar, o.Tar != nil)
			if tc.tar {
				all, err := io.ReadAll(o.Tar)
				require.NoError(t, err)
				require.Equal(t, tc.stdin, string(all))
			}
		})
	}
	var o image.BuildOptions
	require.ErrorContains(t, buildInput(&o, "nowhere", "", nil), "nowhere")
	require.ErrorContains(t, buildInput(&o, "Outside", "", nil), "not a directory")
	require.ErrorContains(t, buildInput(&o, "ctx", "missing", nil), "missing")
	require.ErrorContains(t, buildInput(&o, "-", "-", nil), "can't be both")
	require.ErrorContains(t, buildInput(&o, "-", "", strings.NewReader(" \n")), "empty")
}
