//go:build linux

// Package networks keeps the store's networks, and gives containers their places on them.
//
// A network that was created is a description: a file of the store that says all that was chosen for it. The network
// itself exists, by package network, while an agent holds it: the first container that joins makes the agent hold it
// until the agent ends. The package answers the requests of networks, checks what an endpoint asks for against the
// network's description, and joins a container that starts: a Place is its network namespace, its endpoints and its
// published ports.
//
// It may touch the directory of descriptions, their lock, the run root's directory of networks, and network namespaces
// of containers through package network. It writes no file of a container and changes no record: who is on a network
// by its record is what Config.Users says, and /etc/hosts and /etc/resolv.conf are the caller's.
package networks
