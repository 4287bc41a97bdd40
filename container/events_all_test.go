package container_test

import (
	"bytes"
	"context"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/caisson-dev/caisson/container"
	"github.com/caisson-dev/caisson/image"
	registryserver "github.com/caisson-dev/caisson/registry/server"
)

// TestEventsOfImages: what happens to an image, by whatever call.
func TestEventsOfImages(t *testing.T) {
	e := newEngine(t)
	store := e.Store()
	ctx := t.Context()
	reg, err := registryserver.Serve(registryserver.Options{}, registryserver.ServeOptions{})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, reg.Close()) })
	const first = "localhost/events:1"
	second := reg.Addr + "/events:2"
	begin := time.Now()

	buildImage(t, store, first, strings.Replace(dockerfile, "FROM_IMAGE", "OF_EVENTS", 1))
	img, err := store.Get(ctx, first)
	require.NoError(t, err)
	require.NoError(t, store.Tag(ctx, first, second))
	_, err = store.Push(ctx, second, image.PushOptions{})
	require.NoError(t, err)
	var archive bytes.Buffer
	require.NoError(t, store.Save(ctx, &archive, []string{first}, image.SaveOptions{}))
	require.NoError(t, store.Untag(ctx, second))
	_, err = store.Remove(ctx, first, image.RemoveOptions{})
	require.NoError(t, err)
	pulled, err := store.Pull(ctx, second, image.PullOptions{})
	require.NoError(t, err)
	_, err = store.Remove(ctx, second, image.RemoveOptions{})
	require.NoError(t, err)
	loaded, err := store.Load(ctx, &archive, image.LoadOptions{})
	require.NoError(t, err)
	_, err = store.Remove(ctx, loaded[0].ID, image.RemoveOptions{})
	require.NoError(t, err)

	type happened struct {
		Action container.EventAction
		Name   string
	}
	byID := map[string][]happened{}
	for ev, err := range e.Events(ctx, container.EventsOptions{Since: begin, Until: time.Now(), Types: []container.EventType{container.EventImage}}) {
		require.NoError(t, err)
		assert.Equal(t, container.EventImage, ev.Type)
		byID[ev.ID] = append(byID[ev.ID], happened{ev.Action, ev.Name})
	}
	all := byID[img.ID]
	for _, id := range []string{pulled.ID, loaded[0].ID} { // a copy may have another id, by its compression
		if id != img.ID {
			all = append(all, byID[id]...)
			byID[id] = nil
		}
	}
	assert.Equal(t, []happened{
		{container.EventTag, first},
		{container.EventTag, second},
		{container.EventPush, second},
		{container.EventSave, ""},
		{container.EventUntag, second},
		{container.EventUntag, first},
		{container.EventDelete, ""},
		{container.EventPull, second},
		{container.EventUntag, second},
		{container.EventDelete, ""},
		{container.EventLoad, first},
		{container.EventUntag, first},
		{container.EventDelete, ""},
	}, all)
}

// TestEventsOfNetworks: a network's beginning and end, and who joins and leaves it.
func TestEventsOfNetworks(t *testing.T) {
	e := newEngine(t)
	ctx := t.Context()
	begin := time.Now()
	_, err := e.CreateNetwork(ctx, container.NetworkOptions{Name: "events-net"})
	require.NoError(t, err)
	t.Cleanup(func() { _ = e.RemoveNetwork(context.Background(), "events-net") })
	c := create(t, e, container.Options{Network: container.NetworkNone})
	require.NoError(t, c.Connect(ctx, container.Endpoint{Network: "events-net"}))
	require.NoError(t, c.Disconnect(ctx, "events-net"))
	require.NoError(t, e.RemoveNetwork(ctx, "events-net"))
	var got []container.EventAction
	for ev, err := range e.Events(ctx, container.EventsOptions{Since: begin, Until: time.Now(), Types: []container.EventType{container.EventNetwork}}) {
		require.NoError(t, err)
		if ev.ID != "events-net" {
			continue
		}
		got = append(got, ev.Action)
		if ev.Action == container.EventConnect || ev.Action == container.EventDisconnect {
			assert.Equal(t, c.ID(), ev.Attributes["container"])
		}
	}
	assert.Equal(t, []container.EventAction{
		container.EventCreate, container.EventConnect, container.EventDisconnect, container.EventDestroy,
	}, got)
}
