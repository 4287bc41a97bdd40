// Package dockerhost gives a Go test a Docker host of its own: a socket with the Docker Engine API, for code under test that
// itself talks to Docker, such as through testcontainers-go or Docker's client. There is no dockerd.
//
//	func TestDeploy(t *testing.T) {
//		host := dockerhost.Start(t)
//		err := deploy(host.Addr) // unix:///…/docker.sock
//	}
//
// It imports testing, and is for tests alone.
package dockerhost

import (
	"context"
	"crypto/rand"
	"errors"
	"net/netip"
	"os"
	"path/filepath"
	"testing"

	"github.com/caisson-dev/caisson/container"
	"github.com/caisson-dev/caisson/dockerapi"
	"github.com/caisson-dev/caisson/image"
)

// Host is a Docker host of a test.
type Host struct {
	// Addr is what DOCKER_HOST takes, such as unix:///tmp/x/docker.sock.
	Addr string
	// Store and Engine are what the socket serves: put images there, and look at containers.
	Store  *image.Store
	Engine *container.Engine
}

// label marks what a test has made.
const label = "dev.caisson.dockerhost"

// Start serves the API on the user's default store until the test ends. The containers, networks and volumes that were made
// by it are then removed, and the images stay. The containers also go when the test binary is killed. Ports that name no
// address are published on 127.0.0.1.
//
// Everything else in the store is seen through the socket too, and a prune by a client removes it.
func Start(t testing.TB) *Host {
	t.Helper()
	return StartStore(t, image.StoreOptions{})
}

// StartStore is Start on a store of the caller's choice, such as one in t.TempDir().
func StartStore(t testing.TB, opts image.StoreOptions) *Host {
	t.Helper()
	store, err := image.OpenStoreContext(t.Context(), opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	})
	engine, err := container.NewEngine(store, container.EngineOptions{})
	if err != nil {
		t.Fatal(err)
	}
	// A path of a socket has 108 bytes, and t.TempDir may be longer.
	dir, err := os.MkdirTemp("", "dockerhost-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	path := filepath.Join(dir, "docker.sock")
	listener, err := dockerapi.Listen(path)
	if err != nil {
		t.Fatal(err)
	}
	mark := map[string]string{label: rand.Text()}
	h := &Host{Addr: "unix://" + path, Store: store, Engine: engine}
	ctx, stop := context.WithCancel(context.Background())
	served := make(chan error, 1)
	go func() {
		served <- dockerapi.Serve(ctx, listener, dockerapi.Handler(store, engine, dockerapi.Options{Labels: mark, PublishOn: netip.MustParseAddr("127.0.0.1")}))
	}()
	t.Cleanup(func() {
		stop()
		if err := errors.Join(<-served, h.clear(mark)); err != nil {
			t.Errorf("the test's Docker host: %v", err)
		}
	})
	return h
}

// clear removes what has the mark.
func (h *Host) clear(mark map[string]string) error {
	ctx := context.Background()
	gone := func(err error) error {
		if errors.Is(err, container.ErrNotFound) {
			return nil
		}
		return err
	}
	list, err := h.Engine.List(ctx, container.ListOptions{All: true, Labels: mark})
	errs := []error{err}
	for _, i := range list {
		c, err := h.Engine.Get(ctx, i.ID)
		if err == nil {
			err = c.Remove(ctx, container.RemoveOptions{Force: true})
		}
		errs = append(errs, gone(err))
	}
	networks, err := h.Engine.Networks(ctx)
	errs = append(errs, err)
	for _, n := range networks {
		if n.Labels[label] == mark[label] {
			errs = append(errs, gone(h.Engine.RemoveNetwork(ctx, n.Name)))
		}
	}
	volumes, err := h.Engine.Volumes(ctx)
	errs = append(errs, err)
	for _, v := range volumes {
		if v.Labels[label] == mark[label] {
			errs = append(errs, gone(h.Engine.RemoveVolume(ctx, v.Name)))
		}
	}
	return errors.Join(errs...)
}
