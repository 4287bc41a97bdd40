// Package relay carries bytes between two connections, and datagrams between sockets, with few copies and no memory for
// what is idle.
//
// It touches the sockets that it is given. It opens none, and knows nothing of networks or containers.
package relay
