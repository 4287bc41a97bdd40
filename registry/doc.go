// Package registry is the registry side of containers: a client to look around in registries and to log in, and a
// registry of one's own as an http.Handler.
//
// A registry on a free port of loopback, kept in a directory, with a login:
//
//	reg, err := registry.Serve(registry.ServerOptions{
//		Dir:  "/srv/images",
//		Auth: registry.Auth{Users: []registry.User{{Name: "ci", Password: password}}},
//	}, registry.ServeOptions{})
//	if err != nil {
//		return err
//	}
//	defer reg.Close()
//	fmt.Println("docker login", reg.Addr)
//
// The server follows the OCI distribution spec 1.1. It is meant for tests, for a team and for a cache near a CI farm. It
// is not meant for the open internet: it has no quotas, no rate limits, and one level of users.
//
// It needs nothing but Go: no daemon, no cgo, no build tag, on Linux, macOS and Windows.
package registry
