package container_test

import (
	"context"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/caisson-dev/caisson/container"
	"github.com/caisson-dev/caisson/image"
)

// TestDiskUsage looks at its own containers and volumes: the store is other tests', too.
func TestDiskUsage(t *testing.T) {
	e := newEngine(t)
	ctx := t.Context()
	c := create(t, e, container.Options{Mounts: []container.Mount{{Type: container.MountVolume, Source: "df-used", Target: "/v"}}})
	require.NoError(t, c.WriteFile(ctx, "/own", []byte(strings.Repeat("x", 10_000)), 0o644, container.CopyOptions{}))
	require.NoError(t, c.WriteFile(ctx, "/v/in-volume", []byte(strings.Repeat("x", 20_000)), 0o644, container.CopyOptions{}))
	_, err := e.CreateVolume(ctx, container.VolumeOptions{Name: "df-free"})
	require.NoError(t, err)
	t.Cleanup(func() {
		assert.NoError(t, c.Remove(context.Background(), container.RemoveOptions{Force: true}))
		assert.NoError(t, e.RemoveVolume(context.Background(), "df-used"))
		assert.NoError(t, e.RemoveVolume(context.Background(), "df-free"))
	})
	u, err := e.Store().DiskUsage(ctx)
	require.NoError(t, err)
	info, err := c.Inspect(ctx)
	require.NoError(t, err)

	own := one(t, u.Containers.Items, func(c image.ContainerUsage) bool { return c.ID == info.ID })
	assert.Equal(t, info.Name, own.Name)
	assert.Equal(t, string(container.StatusCreated), own.Status)
	assert.GreaterOrEqual(t, own.Size, int64(10_000))
	assert.Less(t, own.Size, int64(20_000))
	assert.GreaterOrEqual(t, u.Containers.Reclaimable, own.Size)
	used := one(t, u.Volumes.Items, func(v image.VolumeUsage) bool { return v.Name == "df-used" })
	assert.Equal(t, image.VolumeUsage{Name: "df-used", Containers: 1, Size: 20_000}, used)
	free := one(t, u.Volumes.Items, func(v image.VolumeUsage) bool { return v.Name == "df-free" })
	assert.Equal(t, image.VolumeUsage{Name: "df-free"}, free)
	assert.GreaterOrEqual(t, u.Volumes.Active, 1)
	img := one(t, u.Images.Items, func(i image.ImageUsage) bool { return i.ID == info.ImageID })
	assert.GreaterOrEqual(t, img.Containers, 1)
	assert.GreaterOrEqual(t, u.Images.Active, 1)
	assert.LessOrEqual(t, u.Images.Reclaimable, u.Images.Size-img.Size, "the image of a container stays")
}

func one[T any](t *testing.T, items []T, is func(T) bool) T {
	t.Helper()
	for _, i := range items {
		if is(i) {
			return i
		}
	}
	t.Fatal("not there")
	panic("never")
}
