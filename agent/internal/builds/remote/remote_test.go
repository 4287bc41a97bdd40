//go:build linux

package remote_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/opencontainers/go-digest"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/caisson-dev/caisson/agent/internal/builds/remote"
	"github.com/caisson-dev/caisson/internal/api"
	"github.com/caisson-dev/caisson/internal/testenv"
)

func TestName(t *testing.T) {
	t.Parallel()
	for url, want := range map[string]string{
		"http://h/a/b.tar.gz?x=1#y": "b.tar.gz", "http://h/a/": "a", "http://h": "__unnamed__", "http://h/": "__unnamed__", "http://h/a%20b": "a b", "http://h/..": "__unnamed__",
	} {
		assert.Equal(t, want, remote.Name(url), url)
	}
}

func TestDownload(t *testing.T) {
	t.Parallel()
	at := time.Unix(1_000_000_000, 0)
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/dated":
			w.Header().Set("Last-Modified", at.UTC().Format(http.TimeFormat))
			_, _ = w.Write([]byte("dated"))
		case "/moved":
			http.Redirect(w, r, "/plain", http.StatusFound)
		case "/plain":
			_, _ = w.Write([]byte("plain"))
		case "/short":
			w.Header().Set("Content-Length", "100")
			_, _ = w.Write([]byte("short"))
		case "/hangs":
			_, _ = w.Write([]byte("x"))
			w.(http.Flusher).Flush()
			<-r.Context().Done()
		default:
			http.NotFound(w, r)
		}
	}))
	t.Cleanup(srv.Close)
	for _, c := range []struct {
		path, sum, want, err string
		at                   time.Time
	}{
		{"/dated", "", "dated", "", at},
		{"/moved", "", "plain", "", time.Unix(0, 0)},
		{"/plain", digest.FromString("plain").String(), "plain", "", time.Unix(0, 0)},
		{"/plain", digest.SHA512.FromString("plain").String(), "plain", "", time.Unix(0, 0)},
		{"/plain", digest.FromString("other").String(), "", "its checksum is " + digest.FromString("plain").String(), time.Time{}},
		{"/plain", "md5:abc", "", "write it as sha256:HEX", time.Time{}},
		{"/none", "", "", "the server answers 404", time.Time{}},
		{"/short", "", "", "unexpected EOF", time.Time{}},
	} {
		dir := t.TempDir()
		err := remote.File{URL: srv.URL + c.path, Checksum: digest.Digest(c.sum)}.Download(t.Context(), dir)
		if c.err != "" {
			require.ErrorContains(t, err, c.err, c.path)
			continue
		}
		require.NoError(t, err, c.path)
		file := filepath.Join(dir, c.path)
		b, err := os.ReadFile(file)
		require.NoError(t, err)
		assert.Equal(t, c.want, string(b))
		st, err := os.Stat(file)
		require.NoError(t, err)
		assert.True(t, st.ModTime().Equal(c.at), st.ModTime())
		assert.Equal(t, os.FileMode(0o600), st.Mode())
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	gone := errors.New("gone")
	time.AfterFunc(50*time.Millisecond, func() { cancel(gone) })
	require.ErrorIs(t, remote.File{URL: srv.URL + "/hangs"}.Download(ctx, t.TempDir()), gone)
	err := remote.File{URL: "http://user:secret@127.0.0.1:1/x"}.Download(t.Context(), t.TempDir())
	require.Error(t, err)
	assert.NotContains(t, err.Error(), "secret")
	require.ErrorIs(t, remote.File{URL: "http://\x00"}.Download(t.Context(), t.TempDir()), api.ErrInvalidArgument)
}

// repository makes one with two commits, served by HTTP, and returns its URL and the commits.
func repository(t *testing.T) (url string, commits []string) {
	t.Helper()
	testenv.Program(t, "git", "git")
	dir := t.TempDir()
	git := func(args ...string) string {
		cmd := exec.Command("git", args...)
		cmd.Dir = dir
		cmd.Env = append(os.Environ(), "GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL=/dev/null", "HOME="+dir,
			"GIT_AUTHOR_NAME=a", "GIT_AUTHOR_EMAIL=a@example.com", "GIT_COMMITTER_NAME=a", "GIT_COMMITTER_EMAIL=a@example.com")
		out, err := cmd.CombinedOutput()
		require.NoError(t, err, "%s: %s", args, out)
		return strings.TrimSpace(string(out))
	}
	git("init", "--quiet", "--initial-branch=main")
	for i, content := range []string{"one", "two"} {
		require.NoError(t, os.MkdirAll(filepath.Join(dir, "sub"), 0o755))
		require.NoError(t, os.WriteFile(filepath.Join(dir, "sub", "f"), []byte(content), 0o755))
		git("add", ".")
		git("commit", "--quiet", "-m", content)
		commits = append(commits, git("rev-parse", "HEAD"))
		if i == 0 {
			git("tag", "v1")
		}
	}
	git("update-server-info")
	srv := httptest.NewServer(http.FileServer(http.Dir(dir)))
	t.Cleanup(srv.Close)
	return srv.URL + "/.git", commits
}

func TestClone(t *testing.T) {
	t.Parallel()
	url, commits := repository(t)
	for _, c := range []struct {
		name   string
		r      remote.Repository
		commit int
		want   string
		err    string
	}{
		{"the default branch", remote.Repository{}, 1, "two", ""},
		{"a branch", remote.Repository{Ref: "main"}, 1, "two", ""},
		{"a tag", remote.Repository{Ref: "v1"}, 0, "one", ""},
		{"a commit", remote.Repository{Ref: commits[0]}, 0, "one", ""},
		{"a checksum", remote.Repository{Ref: "v1", Checksum: commits[0][:10]}, 0, "one", ""},
		{"another checksum", remote.Repository{Ref: "main", Checksum: commits[0]}, 0, "", "is the commit " + commits[1]},
		{"no such ref", remote.Repository{Ref: "nothing"}, 0, "", "nothing"},
		{"an option", remote.Repository{Ref: "--upload-pack=touch /tmp/x"}, 0, "", "it can't be the name of one"},
	} {
		dir := filepath.Join(t.TempDir(), "clone")
		require.NoError(t, os.Mkdir(dir, 0o755))
		c.r.Remote = url
		commit, err := c.r.Clone(t.Context(), dir)
		if c.err != "" {
			require.ErrorIs(t, err, api.ErrInvalidArgument, c.name)
			require.ErrorContains(t, err, c.err, c.name)
			continue
		}
		require.NoError(t, err, c.name)
		assert.Equal(t, commits[c.commit], commit)
		b, err := os.ReadFile(filepath.Join(dir, "sub", "f"))
		require.NoError(t, err)
		assert.Equal(t, c.want, string(b))
		assert.NoDirExists(t, filepath.Join(dir, ".git"))
		st, err := os.Stat(filepath.Join(dir, "sub", "f"))
		require.NoError(t, err)
		assert.Equal(t, os.FileMode(0o755), st.Mode().Perm())
		left, err := os.ReadDir(filepath.Dir(dir))
		require.NoError(t, err)
		assert.Len(t, left, 1)
	}
	dir := t.TempDir()
	_, err := remote.Repository{Remote: url, KeepGit: true}.Clone(t.Context(), dir)
	require.NoError(t, err)
	assert.DirExists(t, filepath.Join(dir, ".git"))
	for _, bad := range []string{"ext::sh -c id", "file:///etc", "-x", ""} {
		_, err := remote.Repository{Remote: bad}.Clone(t.Context(), t.TempDir())
		require.ErrorIs(t, err, api.ErrInvalidArgument, bad)
	}
}

// TestCloneCancel: git and what it has started end with the context.
func TestCloneCancel(t *testing.T) {
	t.Parallel()
	testenv.Program(t, "git", "git")
	asked := make(chan struct{}, 8)
	srv := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		asked <- struct{}{}
		<-r.Context().Done()
	}))
	t.Cleanup(srv.Close)
	ctx, cancel := context.WithCancelCause(t.Context())
	gone := errors.New("gone")
	go func() {
		<-asked
		cancel(gone)
	}()
	_, err := remote.Repository{Remote: srv.URL + "/r.git"}.Clone(ctx, t.TempDir())
	require.ErrorIs(t, err, gone)
}
