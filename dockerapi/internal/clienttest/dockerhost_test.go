package clienttest_test

import (
	"context"
	"os"
	"strings"
	"testing"

	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/client"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/caisson-dev/caisson/dockerapi/dockerhost"
	"github.com/caisson-dev/caisson/image"
)

// TestDockerHost: what is made through the socket of a test is gone with it.
func TestDockerHost(t *testing.T) {
	t.Parallel()
	var path string
	t.Run("test", func(t *testing.T) {
		h := dockerhost.StartStore(t, image.StoreOptions{Root: testStore.Root()})
		path = strings.TrimPrefix(h.Addr, "unix://")
		c, err := client.New(client.WithHost(h.Addr))
		require.NoError(t, err)
		defer c.Close()
		_, err = c.NetworkCreate(t.Context(), "hostnet", client.NetworkCreateOptions{})
		require.NoError(t, err)
		res, err := c.ContainerCreate(t.Context(), client.ContainerCreateOptions{
			Name: "hosted", Config: &container.Config{Image: box, Cmd: []string{"sleep", "1h"}},
			HostConfig: &container.HostConfig{NetworkMode: "hostnet", Binds: []string{"hostvol:/data"}},
		})
		require.NoError(t, err)
		_, err = c.ContainerStart(t.Context(), res.ID, client.ContainerStartOptions{})
		require.NoError(t, err)
	})
	c := docker(t)
	for _, err := range []error{
		second(c.ContainerInspect(context.Background(), "hosted", client.ContainerInspectOptions{})),
		second(c.NetworkInspect(context.Background(), "hostnet", client.NetworkInspectOptions{})),
		second(c.VolumeInspect(context.Background(), "hostvol", client.VolumeInspectOptions{})),
	} {
		require.Error(t, err)
	}
	_, err := os.Lstat(path)
	assert.ErrorIs(t, err, os.ErrNotExist)
}
