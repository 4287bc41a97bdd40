package registry_test

import (
	"context"
	"testing"

	"cuelabs.dev/go/oci/ociregistry"
	"cuelabs.dev/go/oci/ociregistry/ociclient"
	"github.com/caisson-dev/caisson/registry"
	"github.com/opencontainers/go-digest"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// serve serves a registry for the test.
func serve(t *testing.T, o registry.ServerOptions) *registry.Serving {
	t.Helper()
	reg, err := registry.Serve(o, registry.ServeOptions{})
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, reg.Close()) })
	return reg
}

// stores runs a test with both stores.
func stores(t *testing.T, test func(t *testing.T, o registry.ServerOptions)) {
	t.Run("memory", func(t *testing.T) { test(t, registry.ServerOptions{}) })
	t.Run("dir", func(t *testing.T) { test(t, registry.ServerOptions{Dir: t.TempDir()}) })
}

// dial is a client of another make than ours.
func dial(t *testing.T, addr string) ociregistry.Interface {
	t.Helper()
	c, err := ociclient.New(addr, &ociclient.Options{Insecure: true})
	require.NoError(t, err)
	return c
}

func TestPushAndPull(t *testing.T) {
	stores(t, func(t *testing.T, o registry.ServerOptions) {
		reg := serve(t, o)
		ctx := context.Background()
		c := dial(t, reg.Addr)
		desc := pushImage(t, c, "team/app", "1", "layer one", "layer two")

		r, err := c.GetTag(ctx, "team/app", "1")
		require.NoError(t, err)
		require.NoError(t, r.Close())
		assert.Equal(t, desc.Digest, r.Descriptor().Digest)
		assert.Equal(t, "layer one", getBlob(t, c, "team/app", digest.FromString("layer one")))
		assert.Equal(t, "layer two", getBlob(t, c, "team/app", digest.FromString("layer two")))

		_, err = c.GetBlob(ctx, "team/other", digest.FromString("layer one"))
		require.ErrorIs(t, err, ociregistry.ErrNameUnknown, "content is shared, repositories are not")
	})
}
