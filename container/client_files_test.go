//go:build linux

package container_test

import (
	"archive/tar"
	"bytes"
	"errors"
	"io"
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/caisson-dev/caisson/container"
	"github.com/caisson-dev/caisson/internal/agenttest"
	"github.com/caisson-dev/caisson/internal/api"
)

// copied keeps what is copied into a container: the request and the tar stream.
func copied(a *agenttest.Agent, into *string) {
	a.Handle(api.ContainerCopyTo, agenttest.Upgrade(func(c *agenttest.Conn) {
		*into = takes(c)
		_ = c.Send(agenttest.Frame{Kind: api.Exit, JSON: nothing{}})
	}))
}

// listing says what a tar stream has: names, modes and contents.
func listing(t *testing.T, stream string) map[string]string {
	t.Helper()
	got := map[string]string{}
	for tr := tar.NewReader(strings.NewReader(stream)); ; {
		h, err := tr.Next()
		if errors.Is(err, io.EOF) {
			return got
		}
		require.NoError(t, err)
		b, err := io.ReadAll(tr)
		require.NoError(t, err)
		got[h.Name] = h.FileInfo().Mode().String() + " " + h.Linkname + string(b)
	}
}

func TestClientWriteFile(t *testing.T) {
	t.Parallel()
	a, _, c := played(t)
	var stream string
	copied(a, &stream)
	require.NoError(t, c.WriteFile(t.Context(), "etc/app/conf", []byte("hello"), 0o4750, container.CopyOptions{Owner: "7"}))
	assert.Equal(t, map[string]string{"etc/app/conf": "-rwxr-x--- hello"}, listing(t, stream))
	reqs := a.Requests()
	assert.JSONEq(t, `{"path": "/", "options": {"owner": "7"}}`, string(reqs[len(reqs)-1].In))
	for _, name := range []string{"", "/", "etc/"} {
		require.ErrorIs(t, c.WriteFile(t.Context(), name, nil, 0, container.CopyOptions{}), container.ErrInvalidArgument, name)
	}
	require.ErrorIs(t, c.WriteFile(t.Context(), "a", nil, 0, container.CopyOptions{KeepOwner: true}), container.ErrInvalidArgument)
	assert.Len(t, a.Requests(), len(reqs), "refused before anything is asked")
}

func TestClientReadFile(t *testing.T) {
	t.Parallel()
	a, _, c := played(t)
	var b bytes.Buffer
	tw := tar.NewWriter(&b)
	require.NoError(t, tw.WriteHeader(&tar.Header{Name: "conf", Typeflag: tar.TypeReg, Size: 5, Mode: 0o644}))
	_, err := tw.Write([]byte("hello"))
	require.NoError(t, err)
	require.NoError(t, tw.Close())
	started := func(mode fs.FileMode) agenttest.Frame {
		return agenttest.Frame{Kind: api.Started, JSON: container.FileInfo{Name: "conf", Mode: mode}}
	}
	a.Handle(api.ContainerCopyFrom, agenttest.Frames(started(0o644), out(b.String()), agenttest.Frame{Kind: api.Exit}))
	got, err := c.ReadFile(t.Context(), "/etc/conf")
	require.NoError(t, err)
	assert.Equal(t, "hello", string(got))

	a.Handle(api.ContainerCopyFrom, agenttest.Frames(started(fs.ModeDir|0o755), agenttest.Frame{Kind: api.Exit}))
	_, err = c.ReadFile(t.Context(), "/etc")
	require.ErrorIs(t, err, container.ErrInvalidArgument)
	a.Handle(api.ContainerCopyFrom, agenttest.Frames(started(0o644), out(b.String()[:515])))
	_, err = c.ReadFile(t.Context(), "/etc/conf")
	require.ErrorIs(t, err, io.ErrUnexpectedEOF)
	a.Handle(api.ContainerCopyFrom, agenttest.Frames(out("a")))
	_, err = c.ReadFile(t.Context(), "/etc/conf")
	require.ErrorContains(t, err, "begins with the wrong frame")
}

func TestClientCopyFS(t *testing.T) {
	t.Parallel()
	a, _, c := played(t)
	var stream string
	copied(a, &stream)
	files := fstest.MapFS{"a/note": {Data: []byte("hello"), Mode: 0o640}, "link": {Data: []byte("a/note"), Mode: fs.ModeSymlink}, "pipe": {Mode: fs.ModeNamedPipe}}
	require.NoError(t, c.CopyFS(t.Context(), "/srv", files, container.CopyOptions{}))
	got := listing(t, stream)
	assert.Equal(t, "-rw-r----- hello", got["srv/a/note"])
	assert.Equal(t, "a/note", strings.Fields(got["srv/link"])[1])
	assert.Contains(t, got, "srv/")
	assert.NotContains(t, got, "srv/pipe")

	require.ErrorIs(t, c.CopyFS(t.Context(), "/", brokenFS{files}, container.CopyOptions{}), errBroken)
}

var errBroken = errors.New("the disk is broken")

type brokenFS struct{ fstest.MapFS }

func (b brokenFS) Open(name string) (fs.File, error) {
	if strings.HasSuffix(name, "note") {
		return nil, errBroken
	}
	return b.MapFS.Open(name)
}
