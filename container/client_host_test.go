//go:build linux

package container_test

import (
	"archive/tar"
	"bytes"
	"encoding/json"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/caisson-dev/caisson/container"
	"github.com/caisson-dev/caisson/internal/agenttest"
	"github.com/caisson-dev/caisson/internal/api"
)

// TestClientUpload: the name that a copy gets follows from what is at the path already, as docker cp has it.
func TestClientUpload(t *testing.T) {
	t.Parallel()
	host := t.TempDir()
	require.NoError(t, os.Mkdir(filepath.Join(host, "tree"), 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(host, "tree", "leaf"), []byte("green"), 0o644))
	require.NoError(t, os.WriteFile(filepath.Join(host, "file"), []byte("hello"), 0o644))
	dir, file := agenttest.Answer(container.FileInfo{Mode: fs.ModeDir}), agenttest.Answer(container.FileInfo{Mode: 0o644})
	missing := agenttest.Fail(api.Errorf(api.ErrNotFound, "no such file"))
	for name, c := range map[string]struct {
		from, to string
		there    agenttest.Handler // what is at the path
		dir      string            // that the copy is unpacked in
		names    []string
		err      error
	}{
		"file to a new name":         {"file", "/srv/new", missing, "/srv", []string{"new"}, nil},
		"file over a file":           {"file", "/srv/old", file, "/srv", []string{"old"}, nil},
		"file into a directory":      {"file", "/srv", dir, "/srv", []string{"file"}, nil},
		"file into none":             {"file", "/srv/", missing, "", nil, container.ErrNotFound},
		"file into a file":           {"file", "/srv/", file, "", nil, container.ErrInvalidArgument},
		"directory to a new name":    {"tree", "/srv/new", missing, "/srv", []string{"new/", "new/leaf"}, nil},
		"directory into a directory": {"tree", "/srv", dir, "/srv", []string{"tree/", "tree/leaf"}, nil},
		"content into a directory":   {"tree/.", "/srv", dir, "/srv", []string{"leaf"}, nil},
		"directory over a file":      {"tree", "/srv", file, "", nil, container.ErrInvalidArgument},
		"nothing":                    {"none", "/srv", dir, "", nil, fs.ErrNotExist},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a, _, cont := played(t)
			a.Handle(api.ContainerStat, c.there)
			var stream string
			copied(a, &stream)
			err := cont.Upload(t.Context(), host+"/"+c.from, c.to, container.CopyOptions{})
			if c.err != nil {
				require.ErrorIs(t, err, c.err)
				return
			}
			require.NoError(t, err)
			got := listing(t, stream)
			delete(got, "./")
			var names []string
			for n := range got {
				names = append(names, n)
			}
			assert.ElementsMatch(t, c.names, names)
			reqs := a.Requests()
			var req api.PathRequest[container.CopyOptions]
			require.NoError(t, json.Unmarshal(reqs[len(reqs)-1].In, &req))
			assert.Equal(t, c.dir, req.Path)
		})
	}
}

// TestClientDownload: what a container sends is written below the path that the caller gives, and nowhere else.
func TestClientDownload(t *testing.T) {
	t.Parallel()
	tree := []tar.Header{{Name: "tree/", Typeflag: tar.TypeDir, Mode: 0o755}, {Name: "tree/leaf", Typeflag: tar.TypeReg, Mode: 0o640, Size: 5}}
	for name, c := range map[string]struct {
		headers []tar.Header
		from    string
		to      string // below the host's directory, in which there is a directory "there"
		want    string // the file that is there then; empty: the copy fails
	}{
		"to a new name":     {tree, "/tree", "new", "new/leaf"},
		"into a directory":  {tree, "/tree", "there", "there/tree/leaf"},
		"content":           {tree, "/tree/.", "there", "there/leaf"},
		"a name that leads": {[]tar.Header{tree[0], {Name: "tree/../../out", Typeflag: tar.TypeReg, Size: 5}}, "/tree", "there", ""},
		"a link that leads": {[]tar.Header{tree[0], {Name: "tree/out", Typeflag: tar.TypeSymlink, Linkname: "../.."}, {Name: "tree/out/leaf", Typeflag: tar.TypeReg, Size: 5}}, "/tree", "there", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			base := t.TempDir()
			host := filepath.Join(base, "host")
			require.NoError(t, os.MkdirAll(filepath.Join(host, "there"), 0o755))
			var b bytes.Buffer
			tw := tar.NewWriter(&b)
			for _, h := range c.headers {
				require.NoError(t, tw.WriteHeader(&h))
				if h.Size > 0 {
					_, err := io.WriteString(tw, "green")
					require.NoError(t, err)
				}
			}
			require.NoError(t, tw.Close())
			a, _, cont := played(t)
			a.Handle(api.ContainerCopyFrom, agenttest.Frames(agenttest.Frame{Kind: api.Started, JSON: container.FileInfo{Name: "tree", Mode: fs.ModeDir | 0o755}},
				out(b.String()), agenttest.Frame{Kind: api.Exit}))
			err := cont.Download(t.Context(), c.from, filepath.Join(host, c.to), container.CopyFromOptions{})
			outside, gerr := filepath.Glob(filepath.Join(base, "*"))
			require.NoError(t, gerr)
			assert.Equal(t, []string{host}, outside)
			if c.want == "" {
				require.Error(t, err)
				return
			}
			require.NoError(t, err)
			got, err := os.ReadFile(filepath.Join(host, c.want))
			require.NoError(t, err)
			assert.Equal(t, "green", string(got))
		})
	}
}

// TestClientDownloadBroken: a stream that breaks off is an error, and not a shorter file.
func TestClientDownloadBroken(t *testing.T) {
	t.Parallel()
	a, _, c := played(t)
	a.Handle(api.ContainerCopyFrom, agenttest.Then(agenttest.Frames(agenttest.Frame{Kind: api.Started, JSON: container.FileInfo{Name: "file"}}),
		func(http.ResponseWriter, *http.Request, json.RawMessage, io.Reader) { a.Die("signal: killed") }))
	require.ErrorIs(t, c.Download(t.Context(), "/file", filepath.Join(t.TempDir(), "file"), container.CopyFromOptions{}), container.ErrAgentGone)
}
