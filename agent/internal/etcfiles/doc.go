// Package etcfiles has the files under /etc that the engine writes for each container: hostname, hosts and resolv.conf.
//
// [Render] says what they hold, as Docker does, for a container on networks, on the network of the host or of another
// container, and on none. It is pure. [Read] and [Files.Write] are all of the room that touches files: in the
// directory that they are given, and no other. The room must not know containers and networks; whoever has them says
// what the files need of them.
package etcfiles
