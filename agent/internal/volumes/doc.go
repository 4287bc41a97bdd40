//go:build linux

// Package volumes keeps the store's volumes: directories that outlive the containers that mount them.
//
// A volume is a directory of the store with a description, volume.json, and the content, _data, which is made last and
// removed with the rest. The package answers the requests of volumes, makes the volumes that a new container's mounts
// name, fills an empty one from an image's files when it is first mounted, and removes the anonymous ones of a
// container that goes.
//
// It may touch the store's directory of volumes, their lock, and the directories of the host that bind mounts want
// made. It mounts nothing, and knows containers only by what Config.Users says.
package volumes
