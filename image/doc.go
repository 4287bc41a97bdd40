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
// The work is done by the agent, a process that the first OpenStore starts and that ends with this one. Nothing has to
// be installed or configured for it: see the README for how its binary is found. Linux only; on other systems
// OpenStore returns ErrUnsupported.
//
// Not for: moving images between registries without keeping them (package registry does that).
package image
