//go:build linux

package rootfs

import (
	"archive/tar"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/caisson-dev/caisson/container"
	"github.com/caisson-dev/caisson/internal/api"
)

func newRequests(t *testing.T, root string) *Requests {
	return &Requests{
		Open: func(_ context.Context, id string, _ Access) (*View, error) {
			v := openRoot(t, root)
			v.id = id
			return v, nil
		},
		Owner:    func(_, owner string) (int, int, error) { return 1, 2, nil },
		Exported: func(string) {},
		Logger:   slog.New(slog.DiscardHandler),
	}
}

// frames makes a request and returns what is sent: the kinds of the frames, and the data of the stream.
func frames(t *testing.T, h http.HandlerFunc, in any) (kinds []api.Kind, data []byte) {
	b, err := json.Marshal(in)
	require.NoError(t, err)
	w := httptest.NewRecorder()
	h(w, httptest.NewRequest(http.MethodPost, "/", bytes.NewReader(b)))
	require.Equal(t, http.StatusOK, w.Code, w.Body)
	for fr := api.NewFrameReader(w.Body); ; {
		kind, p, err := fr.Next()
		if errors.Is(err, io.EOF) {
			return kinds, data
		}
		require.NoError(t, err)
		if kind == api.Stdout {
			data = append(data, p...)
		} else {
			kinds = append(kinds, kind)
		}
	}
}

func tarNames(t *testing.T, b []byte) (names []string) {
	for tr := tar.NewReader(bytes.NewReader(b)); ; {
		h, err := tr.Next()
		if errors.Is(err, io.EOF) {
			return names
		}
		require.NoError(t, err)
		names = append(names, h.Name)
	}
}

func TestCopyFrom(t *testing.T) {
	t.Parallel()
	q := newRequests(t, tree(t))
	for _, c := range []struct {
		name  string
		names string
	}{
		{"/etc", "etc/ etc/conf.d/ etc/passwd"},
		{"/dir", "dir"},
		{"/dir/", "dir/ dir/conf.d/ dir/passwd"},
		{"/link", "link"},
	} {
		kinds, data := frames(t, q.CopyFrom, api.PathRequest[container.CopyFromOptions]{Path: c.name})
		assert.Equal(t, []api.Kind{api.Started, api.Exit}, kinds, c.name)
		assert.Equal(t, c.names, strings.Join(tarNames(t, data), " "), c.name)
	}
	kinds, data := frames(t, q.Export, nil)
	assert.Equal(t, []api.Kind{api.Exit}, kinds)
	assert.Contains(t, tarNames(t, data), "etc/passwd")
}

func TestUnpacker(t *testing.T) {
	t.Parallel()
	root := tree(t)
	q := newRequests(t, root)
	v := openRoot(t, root)
	u, err := q.unpacker(v, "etc/", container.CopyOptions{})
	require.NoError(t, err)
	assert.Equal(t, "/etc", u.dir)
	assert.Equal(t, owner{}, u.owner)
	u, err = q.unpacker(v, "/dir", container.CopyOptions{Owner: "app"})
	require.NoError(t, err)
	assert.Equal(t, owner{uid: 1, gid: 2}, u.owner)
	for _, c := range []struct {
		dir  string
		opts container.CopyOptions
		want error
	}{
		{"/nothing", container.CopyOptions{}, api.ErrNotFound},
		{"/etc/passwd", container.CopyOptions{}, api.ErrInvalidArgument},
		{"/etc", container.CopyOptions{Owner: "app", KeepOwner: true}, api.ErrInvalidArgument},
	} {
		_, err := q.unpacker(v, c.dir, c.opts)
		require.ErrorIs(t, err, c.want, c.dir)
	}
}

func TestInputReader(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	fw := api.NewFrameWriter(&b)
	require.NoError(t, fw.Frame(api.Stdin, []byte("some ")))
	require.NoError(t, fw.Frame(api.Stdin, []byte("data")))
	half := bytes.Clone(b.Bytes())
	require.NoError(t, fw.Frame(api.CloseInput, nil))
	got, err := io.ReadAll(&inputReader{fr: api.NewFrameReader(&b)})
	require.NoError(t, err)
	assert.Equal(t, "some data", string(got))
	_, err = io.ReadAll(&inputReader{fr: api.NewFrameReader(bytes.NewReader(half))})
	require.ErrorIs(t, err, io.ErrUnexpectedEOF, "the caller gave up")
}
