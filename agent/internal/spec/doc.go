// Package spec decides what a container is, before anything is made: whether its options can be, what they are with
// their defaults and with the image's configuration, and the OCI runtime specification that follows from them.
//
// Options go through it in this order. [Validate] refuses what can't be on any host. [Complete] fills the defaults in.
// [Check] refuses what this host, or its user, does not have; the caller looks up what [Facts] asks for. [Join] joins
// the options with the image's configuration, and [New] makes the specification; [Exec] that of another process.
//
// The room is pure: everything that has to be looked up is given to it, as plain data, and equal input gives equal
// output on any system. It must not open files, start processes, look at the clock or at the network; a test holds its
// imports to that. It does not write to what it is given.
package spec
