//go:build linux

// Command peers measures what caisson does beside other programs that do the same: runc, bubblewrap, podman and docker. Its
// subjects are the life of a container, a command in one, many at once, and long lists. The contenders take turns in each
// round, since a machine's mood changes within minutes: compare what was measured in one run, by its ratio.
//
//	go run ./internal/bench/peers -json results.json -svg results.svg   # or make bench, which runs the others, too
//
// All run the same root file system, a static busybox. A peer that is not there, or does not work, is named. It touches a store
// of its own in a temporary directory, and removes from podman and docker what it made there.
package main
