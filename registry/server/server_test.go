package server_test

import (
	"context"
	"testing"

	"cuelabs.dev/go/oci/ociregistry"
	"github.com/caisson-dev/caisson/registry/internal/registrytest"
	"github.com/caisson-dev/caisson/registry/server"
	"github.com/opencontainers/go-digest"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestPushAndPull(t *testing.T) {
	registrytest.Stores(t, func(t *testing.T, o server.Options) {
		reg := registrytest.Serve(t, o)
		ctx := context.Background()
		c := registrytest.Dial(t, reg.Addr)
		desc := registrytest.PushImage(t, c, "team/app", "1", "layer one", "layer two")

		r, err := c.GetTag(ctx, "team/app", "1")
		require.NoError(t, err)
		require.NoError(t, r.Close())
		assert.Equal(t, desc.Digest, r.Descriptor().Digest)
		assert.Equal(t, "layer one", registrytest.GetBlob(t, c, "team/app", digest.FromString("layer one")))
		assert.Equal(t, "layer two", registrytest.GetBlob(t, c, "team/app", digest.FromString("layer two")))

		_, err = c.GetBlob(ctx, "team/other", digest.FromString("layer one"))
		require.ErrorIs(t, err, ociregistry.ErrNameUnknown, "content is shared, repositories are not")
	})
}
