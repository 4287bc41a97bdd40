package registry_test

import (
	"context"
	"io"
	"testing"
	"time"

	"github.com/caisson-dev/caisson/registry"
	"github.com/caisson-dev/caisson/registry/internal/registrytest"
	"github.com/caisson-dev/caisson/registry/server"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestBlob(t *testing.T) {
	ctx := context.Background()
	reg := registrytest.Serve(t, server.Options{})
	registrytest.PushBlob(t, registrytest.Dial(t, reg.Addr), "app", "0123456789")
	c := registrytest.Anonymous()
	name := reg.Addr + "/app@" + registrytest.Sum("0123456789")
	read := func() (string, error) {
		b, err := c.Blob(ctx, name)
		if err != nil {
			return "", err
		}
		defer func() { assert.NoError(t, b.Close()) }()
		assert.Equal(t, registrytest.Sum("0123456789"), b.Digest)
		data, err := io.ReadAll(b)
		return string(data), err
	}
	got, err := read()
	require.NoError(t, err)
	assert.Equal(t, "0123456789", got)

	for ref, want := range map[string]error{
		reg.Addr + "/app":   registry.ErrInvalidReference,
		reg.Addr + "/app:1": registry.ErrInvalidReference,
		reg.Addr + "/app:1@" + registrytest.Sum("0123456789"): registry.ErrInvalidReference,
		reg.Addr + "/app@" + registrytest.Sum("lost"):         registry.ErrNotFound,
		reg.Addr + "/lost@" + registrytest.Sum("0123456789"):  registry.ErrNotFound,
	} {
		_, err := c.Blob(ctx, ref)
		require.ErrorIs(t, err, want, ref)
	}
	reg.Inject(server.Fault{Corrupt: true, Offset: 3, Times: 1, Method: "GET"})
	_, err = read()
	require.ErrorIs(t, err, registry.ErrDigestMismatch)
	require.ErrorContains(t, err, "read blob "+name)
}

// TestBlobIsCut: a blob goes on where it was cut, and when it can't the error says that the registry is to blame.
func TestBlobIsCut(t *testing.T) {
	for name, test := range map[string]struct {
		fault server.Fault
		want  error
	}{
		"twice":       {server.Fault{Drop: true, Offset: 4, Times: 2}, nil},
		"always":      {server.Fault{Drop: true, Offset: 4}, registry.ErrUnreachable},
		"then denied": {server.Fault{Status: 403, Skip: 1}, registry.ErrDenied},
	} {
		forBothHTTP(t, name, func(t *testing.T, reg *server.Serving, addr string) {
			registrytest.PushBlob(t, registrytest.Dial(t, reg.Addr), "app", "0123456789")
			if test.fault.Status != 0 {
				reg.Inject(server.Fault{Drop: true, Offset: 4, Times: 1})
			}
			reg.Inject(test.fault)
			c := registry.NewClient(registry.ClientOptions{
				AuthFile: "/nonexistent/auth.json", Retry: registry.RetryOptions{Attempts: 3, Delay: time.Millisecond},
			})
			defer func() { require.NoError(t, c.Close()) }() // else the server of HTTP/2 waits a second for it
			name := addr + "/app@" + registrytest.Sum("0123456789")
			b, err := c.Blob(context.Background(), name)
			require.NoError(t, err)
			defer func() { assert.NoError(t, b.Close()) }()
			data, err := io.ReadAll(b)
			if test.want == nil {
				require.NoError(t, err)
				assert.Equal(t, "0123456789", string(data))
				return
			}
			require.ErrorIs(t, err, test.want)
			require.ErrorContains(t, err, "read blob "+name)
			require.ErrorContains(t, err, "after 4 bytes")
			assert.Equal(t, "0123", string(data))
		})
	}
}

// forBothHTTP serves a registry with HTTP/1.1, and at addr with that or with HTTP/2, in which connections are cut otherwise.
func forBothHTTP(t *testing.T, name string, f func(t *testing.T, reg *server.Serving, addr string)) {
	t.Helper()
	t.Run(name, func(t *testing.T) {
		reg := registrytest.Serve(t, server.Options{})
		f(t, reg, reg.Addr)
	})
	t.Run(name+" by HTTP/2", func(t *testing.T) {
		reg := registrytest.Serve(t, server.Options{})
		secure, err := reg.Server.Serve(server.ServeOptions{TLS: true})
		require.NoError(t, err)
		defer func() { require.NoError(t, secure.Close()) }()
		f(t, reg, secure.Addr)
	})
}
