//go:build linux

package agentbin

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/caisson-dev/caisson/internal/version"
)

// Whatever the machine lacks, the message says it once, with the remedy.
func TestFindNothing(t *testing.T) {
	release := version.Source{Version: "v1.2.3", Release: true}
	tool, err := findGo()
	require.NoError(t, err)
	empty := t.TempDir()
	for name, test := range map[string]struct {
		src        version.Source
		path, home string
		says, fix  string
	}{
		"no go":       {release, empty, t.TempDir(), "build: there is no go command on PATH", "put the go command on PATH, or name the binary of an agent in CAISSON_AGENT"},
		"no compiler": {release, filepath.Dir(tool.path) + ":" + empty, t.TempDir(), "\"gcc\" is not on PATH", "install a C compiler (Debian: apt-get install gcc libc6-dev)"},
		"no home":     {release, os.Getenv("PATH"), "", "cache: there is no cache directory", "set XDG_CACHE_HOME to a directory that this user may write"},
		"no source":   {version.Source{Version: version.Devel}, os.Getenv("PATH"), t.TempDir(), "with -trimpath or from a vendor directory", "name the binary of an agent in CAISSON_AGENT, or run the program in the directory of its main module"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("PATH", test.path)
			t.Setenv("HOME", test.home)
			t.Setenv("XDG_CACHE_HOME", "")
			t.Setenv("GOROOT", "")
			t.Setenv("CC", "gcc")
			f := &finder{src: test.src, arch: "amd64", out: &said{}}
			f.goTool, f.noGo = findGo()
			f.noDir = f.findCache()
			_, err := f.find(t.Context(), allSources, (*finder).may)
			var none *NotFoundError
			require.ErrorAs(t, err, &none)
			assert.Contains(t, none.Problem(), test.says)
			assert.Equal(t, test.fix, none.Fix())
		})
	}
}

// An agent on PATH is used if it says that it is of this source.
func TestFindOnPath(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("PATH", dir+":"+os.Getenv("PATH"))
	src := version.Source{Version: "src-1", Dir: "/src"}
	agent := filepath.Join(dir, program)
	for got, fails := range map[string]string{"src-1": "", "src-2": "has version src-2", version.Devel: "has version devel", "v1.2.3": "has version v1.2.3"} {
		require.NoError(t, os.WriteFile(agent, []byte("#!/bin/sh\necho "+got+"\n"), 0o755))
		path, err := onPath(src)
		if fails == "" {
			require.NoError(t, err)
			assert.Equal(t, agent, path)
			continue
		}
		require.ErrorContains(t, err, fails)
	}
	require.NoError(t, os.WriteFile(agent, []byte("#!/bin/sh\nexit 1\n"), 0o755))
	_, err := onPath(src)
	require.ErrorContains(t, err, "does not tell its version")
}

// TestBuildCancel: the end of the context ends a build with all that the go command has started, and nothing is left of it.
func TestBuildCancel(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	started := filepath.Join(dir, "started")
	goCommand := filepath.Join(dir, "go")
	require.NoError(t, syscall.Mkfifo(started, 0o600))
	require.NoError(t, os.WriteFile(goCommand, []byte("#!/bin/sh\nsleep 1000 &\necho $! >"+started+"\nwait\n"), 0o755))
	require.NoError(t, os.MkdirAll(filepath.Join(dir, "src", "agent"), 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "src", "agent", "go.mod"), nil, 0o644))
	f := &finder{src: version.Source{Version: "src-1", Dir: filepath.Join(dir, "src")}, arch: "amd64", out: &said{}, cache: filepath.Join(dir, "cache"), goTool: goTool{goCommand, os.Environ()}}
	enough := errors.New("enough")
	ctx, cancel := context.WithCancelCause(t.Context())
	done := make(chan error, 1)
	go func() { done <- f.obtain(ctx, FromBuild, f.cached(FromBuild)) }()
	pid, err := os.ReadFile(started)
	require.NoError(t, err)
	cancel(enough)
	require.ErrorIs(t, <-done, enough)
	assert.Empty(t, left(t, f))
	assert.Eventually(t, func() bool {
		stat, err := os.ReadFile("/proc/" + strings.TrimSpace(string(pid)) + "/stat")
		return err != nil || strings.Contains(string(stat), ") Z ") // whose parent does not reap it is no process any more
	}, time.Minute, 5*time.Millisecond)
}

// A directory that can't be written is told of with the variable that names another.
func TestUnwritableCache(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, nil, 0o644))
	f := &finder{src: version.Source{Version: "v1.2.3"}, arch: "amd64", out: &said{}, cache: filepath.Join(file, "caisson")}
	err := f.obtain(t.Context(), FromBuild, f.cached(FromBuild))
	var p *problem
	require.True(t, errors.As(err, &p))
	assert.Contains(t, p.why, "it can't be kept in "+f.cache)
	assert.Contains(t, p.fix, "XDG_CACHE_HOME")
}
