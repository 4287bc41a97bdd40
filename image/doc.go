// Package image builds, pulls, pushes and keeps container images, with no daemon.
//
//	store, err := image.OpenStore(image.StoreOptions{})
//	if err != nil {
//		return err
//	}
//	defer store.Close()
//	img, err := store.Build(ctx, image.BuildOptions{Context: os.DirFS("./app"), Tags: []string{"app:1"}, Output: os.Stderr})
//	if err != nil {
//		return err
//	}
//	digest, err := store.Push(ctx, "app:1", image.PushOptions{Destination: "registry.example.com/app:1"})
//
// Build follows a Dockerfile. From does without one: its Builder has the instructions as methods, and the same cache.
//
// The agent does the work. It is a process that the first OpenStore starts and that ends with this one. Nothing has to be
// installed or configured for it; the README says how its binary is found. The package works on Linux only: on other
// systems OpenStore returns ErrUnsupported.
//
// To move images between registries without keeping them, use package registry.
//
// # References
//
// A reference of an image in the store is a name, name:tag, name@digest, an id or a prefix of an id. A name without a
// registry means docker.io, and a name without a tag or digest means the tag latest, like in Docker.
//
// # Errors
//
// The documentation of a function lists the errors that it returns and that errors.Is matches. Besides these, every
// function that takes a context returns context.Canceled or context.DeadlineExceeded when the context ends, and
// ErrAgentGone when the agent process has died. A context that was cancelled with a cause gives an error that matches
// the cause too.
package image
