// Package trial tries what the start of a container needs of the kernel and of who may run here: namespaces, mounts of a
// file system in memory, of an overlay and of proc, a host name, a network with a bridge, and a seccomp filter.
//
// It runs in an agent's process that does nothing else, as every agent in a mount namespace and, for an ordinary user, in a
// user namespace of its own. Each try is in a thread or a child with namespaces of its own, and goes with it: nothing is
// left. It opens no store, and knows nothing of containers.
package trial
