// Package plan decides what a network is: its description, subnets and addresses, and its record of endpoints.
//
// It is pure. It reads no file, asks no kernel and takes no lock: the room above, network, stores records and tells it
// which prefixes are taken.
package plan
