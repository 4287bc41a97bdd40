//go:build linux

// Package commit makes an image of a container: its configuration, which follows from the container's and the image's,
// and what is written for it.
//
// Config is pure. Requests answers the request for an image of a container. Put may write a layer and an image to the store, which the caller holds; the layer's content is what
// package rootfs takes of the container.
package commit
