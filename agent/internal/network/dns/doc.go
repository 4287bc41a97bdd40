// Package dns answers for the names of containers on the networks, and asks the host's resolvers for others.
//
// It serves on sockets that it is given and opens sockets to resolvers in the namespace of this process. It reads no file:
// records and resolvers come from Config.
package dns
