// Package gateway is a network's way out: a TCP/IP stack in user space that takes what leaves the network from a packet
// socket and continues it with ordinary sockets of this process, hence with the host's own addresses. It carries TCP, UDP
// and pings, answers what can't be carried as a router would, and serves DNS at the network's gateway addresses.
//
// It touches the packet socket that it is given and the sockets it opens in the namespace of this process. It makes no
// namespace and no link, reads no record, and knows other networks only by Config.
package gateway
