//go:build linux

// Package launch looks up what a container's specification follows from, and makes what its start needs: package spec
// decides, this package finds out.
//
// Facts are of the host, for the check of a new container's options. Inputs are of one container whose root file system
// is mounted: its user, the namespaces and the shared memory of other containers, where the files of its mounts are,
// and its own files, which are written. Some of it is held open until the container's process has used it.
//
// It may read the host and the container's root file system, write the files of the container's directory, mount images
// and another container's /dev/shm, and load the default AppArmor profile. It starts no process, and knows other
// containers only by Config.Dir and Config.Pid.
package launch
