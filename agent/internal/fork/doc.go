//go:build linux

// Package fork makes the files of one container those of another: what a fork is made of.
//
// Options is pure: what options a fork has. Tree copies a directory as it is: a container's own layer, with all that the overlay
// file system has marked in it, or the content of a volume. Where the file system can share blocks the copy shares them.
// Requests answers the request for a fork.
//
// It may read the directories of layers and volumes, and write to those of a container that is being made. It mounts nothing,
// takes no lock, and knows no process: the caller makes the container, and has the original hold still.
package fork
