// Package flock has the locks on files that processes exclude each other with. It is the only place of the
// repository that locks files.
//
// The kernel frees a lock when its last descriptor is closed, so a process that is killed holds none.
//
// It opens, locks and closes files. It must not write to them, and it knows nothing of what they stand for. It imports
// nothing but the standard library and golang.org/x/sys.
package flock
