//go:build linux

// Package rootfs looks into a container's file system, and changes files in it: copies in and out, export, the
// difference from the image, and what a commit takes.
//
// A View is the file system of one container, running or not. Every name is looked up from the descriptor of its root
// and can't lead out of it, whatever the container's processes do with links meanwhile (CVE-2018-15664,
// CVE-2019-14271): nothing is looked up by path, no process enters the container, and nothing of the image is loaded.
//
// It may mount the container's layer by the storage, mount what belongs in it in a mount namespace that ends with the
// view, and write files below a view's root. It takes no lock, knows no record and does not know who manages a
// container: whoever opens a view holds the container, and lets go of it by WhenClosed.
package rootfs
