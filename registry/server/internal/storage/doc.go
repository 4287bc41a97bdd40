// Package storage keeps the content of a registry: in memory, or in a directory that survives crashes and is
// shared by several processes. Both stores implement the ociregistry interface, so that ociserver can serve them.
package storage
