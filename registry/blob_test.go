package registry_test

import (
	"context"
	"io"
	"testing"

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
