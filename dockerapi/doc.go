// Package dockerapi serves the Docker Engine API, with no dockerd: what speaks to Docker speaks to a store and an engine of
// this library. The docker command and Docker's Go client are tested with it; other tools that speak
// the same API are not yet.
//
//	store, err := image.OpenStore(image.StoreOptions{})
//	if err != nil {
//		return err
//	}
//	defer store.Close()
//	engine, err := container.NewEngine(store, container.EngineOptions{})
//	if err != nil {
//		return err
//	}
//	listener, err := dockerapi.Listen("/run/user/1000/docker.sock")
//	if err != nil {
//		return err
//	}
//	return dockerapi.Serve(ctx, listener, dockerapi.Handler(store, engine, dockerapi.Options{}))
//
// It is a handler over the public packages, in the process that imports it. Containers end with that process, however it
// ends, unless Options.Detach is set.
//
// Whoever can send requests has the rights of the process: a container can mount any directory of the host. Listen makes a
// socket that its user alone can connect to. On a TCP listener use TLS with certificates of clients.
//
// docs/docker-api.md lists the endpoints, and what differs from Docker's.
package dockerapi
