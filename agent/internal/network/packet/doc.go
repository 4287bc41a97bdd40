// Package packet opens packet sockets on links of a network namespace.
//
// It needs CAP_NET_RAW in the namespace's user namespace. It changes no link and knows nothing of networks.
package packet
