// Package server is a container registry as an http.Handler: the OCI distribution spec 1.1 as Docker, Podman, skopeo and
// package registry speak it.
//
// A registry on a free port of loopback, kept in a directory, with a login:
//
//	reg, err := server.Serve(server.Options{
//		Dir:  "/srv/images",
//		Auth: server.Auth{Users: []server.User{{Name: "ci", Password: password}}},
//	}, server.ServeOptions{})
//	if err != nil {
//		return err
//	}
//	defer reg.Close()
//	fmt.Println("docker login", reg.Addr)
//
// It is meant for tests, for a team and for a cache near a CI farm. It is not meant for the open internet: it has no
// quotas, no rate limits, and one level of users. A test injects faults (Server.Inject) and reads what was asked
// (Server.Requests).
//
// It needs nothing but Go: no daemon, no agent, no cgo and no build tag, on Linux, macOS and Windows.
//
// The content is in Options.Dir, or in memory. The server writes nowhere else, and it connects to nothing but
// Options.Upstream.
package server
