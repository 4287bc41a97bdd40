// Package registry is a client of container registries. It lists, inspects, reads, copies and deletes what is there, and
// it logs in and out, in the files and the credential helpers that Docker and Podman use.
//
//	client := registry.NewClient(registry.ClientOptions{})
//	m, err := client.Manifest(ctx, "quay.io/prometheus/busybox", registry.ManifestOptions{Platform: "linux/arm64"})
//	if err != nil {
//		return err
//	}
//	fmt.Println(m.Reference, len(m.Layers), "layers")
//
// It streams: nothing is kept on disk but logins. To pull an image into a store, and to push one from there, use package
// image. To serve a registry, use package registry/server.
//
// It needs nothing but Go: no daemon, no agent, no cgo and no build tag, on Linux, macOS and Windows.
package registry
