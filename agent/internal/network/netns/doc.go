// Package netns makes, opens and enters network namespaces, and makes sockets inside of them.
//
// It touches namespaces, threads and sockets: no interface but a loopback is changed here. It knows nothing of networks
// or containers. What runs inside a namespace runs on a thread of its own, which ends with it.
package netns
