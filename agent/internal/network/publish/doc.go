// Package publish makes ports of containers reachable on the host: a published port is a listener of this process that
// dials inside the container's network namespace.
//
// It touches sockets of this process's namespace, and makes others inside the container's. It knows neither networks nor
// containers.
package publish
