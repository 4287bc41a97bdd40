// Package caisson is a library for container images and containers that needs no daemon. This package has no functions; the
// library's packages are:
//
//   - [github.com/caisson-dev/caisson/image]: a store of images: build, pull, push, tag, list, save, load, prune.
//   - [github.com/caisson-dev/caisson/container]: an engine on a store: create, start, attach, exec, logs, networks.
//   - [github.com/caisson-dev/caisson/registry]: a client of registries: log in, list, inspect, copy, delete.
//   - [github.com/caisson-dev/caisson/registry/server]: a registry of your own.
//   - [github.com/caisson-dev/caisson/dockertest]: throwaway containers in Go tests.
//   - [github.com/caisson-dev/caisson/agent]: links the agent, which does the work, into a program.
//
// Begin with image.OpenStore and container.NewEngine in a program, and with dockertest.Run in a test.
package caisson
