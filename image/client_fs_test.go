//go:build linux

package image_test

import (
	"archive/tar"
	"context"
	"encoding/json"
	"io"
	"io/fs"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/caisson-dev/caisson/image"
	"github.com/caisson-dev/caisson/internal/agenttest"
	"github.com/caisson-dev/caisson/internal/api"
)

// playedFS opens a file system of a played agent.
func playedFS(t *testing.T, ctx context.Context) (*agenttest.Agent, *image.FS) {
	t.Helper()
	a, s := played(t)
	a.Handle(api.FSOpen, agenttest.Then(agenttest.Answer("0a"), agenttest.Hang()))
	a.Handle(api.FSClose, agenttest.Answer(nothing{}))
	f, err := s.FS(ctx, "app:1")
	require.NoError(t, err)
	t.Cleanup(func() { _ = f.Close() })
	return a, f
}

func TestClientFS(t *testing.T) {
	t.Parallel()
	info := api.FileInfo{Name: "note", Size: 5, Mode: 0o640, ModTime: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), UID: 7, GID: 8}
	data := func(w http.ResponseWriter, _ *http.Request, in json.RawMessage, _ io.Reader) {
		var req api.FileRequest
		_ = json.Unmarshal(in, &req)
		text := "hello"[req.Offset:]
		if req.Length != nil && int(*req.Length) < len(text) {
			text = text[:*req.Length]
		}
		_, _ = io.WriteString(w, text)
	}
	for name, c := range map[string]struct {
		route  api.Route
		answer agenttest.Handler
		in     string // the last request
		call   func(t *testing.T, f *image.FS) (any, error)
		want   any
	}{
		"Stat": {api.FSStat, agenttest.Answer(info), `{"name": "etc/note", "follow": true}`, func(t *testing.T, f *image.FS) (any, error) {
			st, err := f.Stat("etc/note")
			require.NoError(t, err)
			assert.Equal(t, 7, st.Sys().(*tar.Header).Uid)
			return st.Mode(), err
		}, fs.FileMode(0o640)},
		"Lstat": {api.FSStat, agenttest.Answer(info), `{"name": "etc/note"}`, func(t *testing.T, f *image.FS) (any, error) {
			st, err := f.Lstat("etc/note")
			require.NoError(t, err)
			return st.ModTime(), err
		}, info.ModTime},
		"ReadLink": {api.FSReadLink, agenttest.Answer("/etc/mtab"), `{"name": "link"}`, func(_ *testing.T, f *image.FS) (any, error) {
			return f.ReadLink("link")
		}, "/etc/mtab"},
		"ReadDir": {api.FSReadDir, agenttest.Answer([]api.FileInfo{{Name: "b"}, {Name: "a", Mode: fs.ModeDir}}), `{"name": "."}`, func(t *testing.T, f *image.FS) (any, error) {
			list, err := f.ReadDir(".")
			require.NoError(t, err)
			var names []string
			for _, e := range list {
				names = append(names, e.Name())
			}
			return names, nil
		}, []string{"a", "b"}},
		"ReadFile": {api.FSRead, data, `{"name": "note"}`, func(_ *testing.T, f *image.FS) (any, error) {
			b, err := f.ReadFile("note")
			return string(b), err
		}, "hello"},
		"Seek and Read": {api.FSRead, data, `{"name": "note", "offset": 3}`, func(t *testing.T, f *image.FS) (any, error) {
			file, err := f.Open("note")
			require.NoError(t, err)
			defer file.Close()
			_, err = file.(io.Seeker).Seek(-2, io.SeekEnd)
			require.NoError(t, err)
			b, err := io.ReadAll(file)
			return string(b), err
		}, "lo"},
		"ReadAt": {api.FSRead, data, `{"name": "note", "offset": 1, "length": 3}`, func(t *testing.T, f *image.FS) (any, error) {
			file, err := f.Open("note")
			require.NoError(t, err)
			defer file.Close()
			b := make([]byte, 3)
			_, err = file.(io.ReaderAt).ReadAt(b, 1)
			return string(b), err
		}, "ell"},
		"ReadAt beyond the end": {api.FSRead, data, `{"name": "note", "offset": 3, "length": 3}`, func(t *testing.T, f *image.FS) (any, error) {
			file, err := f.Open("note")
			require.NoError(t, err)
			defer file.Close()
			n, err := file.(io.ReaderAt).ReadAt(make([]byte, 3), 3)
			assert.Equal(t, 2, n)
			return err, nil
		}, io.EOF},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a, f := playedFS(t, t.Context())
			a.Handle(api.FSStat, agenttest.Answer(info))
			a.Handle(c.route, c.answer)
			got, err := c.call(t, f)
			require.NoError(t, err)
			assert.Equal(t, c.want, got)
			all := a.Requests()
			last := all[len(all)-1]
			assert.Equal(t, c.route, last.Route)
			assert.Equal(t, "0a", last.ID)
			assert.JSONEq(t, c.in, string(last.In))
		})
	}
}

func TestClientFSErrors(t *testing.T) {
	t.Parallel()
	a, f := playedFS(t, t.Context())
	for sentinel, want := range map[error]error{api.ErrNotFound: fs.ErrNotExist, api.ErrPermission: fs.ErrPermission, api.ErrInvalidArgument: image.ErrInvalidArgument} {
		h := agenttest.Fail(api.Errorf(sentinel, "etc/note: no"))
		for _, r := range []api.Route{api.FSStat, api.FSRead, api.FSReadDir, api.FSReadLink} {
			a.Handle(r, h)
		}
		for op, ask := range map[string]func() error{
			"open":     func() error { _, err := f.Open("etc/note"); return err },
			"stat":     func() error { _, err := f.Stat("etc/note"); return err },
			"lstat":    func() error { _, err := f.Lstat("etc/note"); return err },
			"readdir":  func() error { _, err := f.ReadDir("etc/note"); return err },
			"readlink": func() error { _, err := f.ReadLink("etc/note"); return err },
			"read":     func() error { _, err := f.ReadFile("etc/note"); return err },
		} {
			err := ask()
			require.ErrorIs(t, err, want, op)
			var pe *fs.PathError
			require.ErrorAs(t, err, &pe)
			assert.Equal(t, op, pe.Op)
			assert.Equal(t, "etc/note", pe.Path)
		}
	}
	_, err := f.Stat("/etc")
	require.ErrorIs(t, err, fs.ErrInvalid, "before anything is asked")
}

func TestClientFSEnds(t *testing.T) {
	t.Parallel()
	t.Run("closed", func(t *testing.T) {
		t.Parallel()
		_, f := playedFS(t, t.Context())
		require.NoError(t, f.Close())
		_, err := f.Stat("etc")
		require.ErrorIs(t, err, fs.ErrClosed)
		require.NoError(t, f.Close())
	})
	t.Run("cancelled", func(t *testing.T) {
		t.Parallel()
		ctx, cancel := context.WithCancel(t.Context())
		_, f := playedFS(t, ctx)
		cancel()
		_, err := f.Stat("etc")
		require.ErrorIs(t, err, fs.ErrClosed)
	})
	t.Run("the agent dies", func(t *testing.T) {
		t.Parallel()
		a, f := playedFS(t, t.Context())
		a.Handle(api.FSRead, agenttest.Then(agenttest.Raw(200, "hel"), func(http.ResponseWriter, *http.Request, json.RawMessage, io.Reader) { a.Die("signal: killed") }))
		b, err := f.ReadFile("note")
		require.ErrorIs(t, err, image.ErrAgentGone)
		assert.Equal(t, "hel", string(b))
		_, err = f.Stat("note")
		require.ErrorIs(t, err, image.ErrAgentGone)
	})
	t.Run("no handle", func(t *testing.T) {
		t.Parallel()
		a, s := played(t)
		for _, h := range []agenttest.Handler{agenttest.Raw(200, ""), agenttest.Raw(200, `"0a`), agenttest.Raw(200, "nonsense\n")} {
			a.Handle(api.FSOpen, h)
			_, err := s.FS(t.Context(), "app:1")
			require.ErrorContains(t, err, "open the file system of app:1")
		}
	})
}
