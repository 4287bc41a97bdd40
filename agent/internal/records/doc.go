//go:build linux

// Package records keeps what the store knows of containers: what each one is, what has become of it, and who has which
// name.
//
// A container has a directory with its Record, its State and further files. A name is a symbolic link to an id: the
// links are the index, and making one is atomic. What is saved replaces what was there at once, so that readers of other
// agents see the old or the new.
//
// It may touch the directory of containers and that of names. It takes no lock: who writes a container's files holds
// the container's. It knows nothing of processes, layers, volumes and networks.
package records
