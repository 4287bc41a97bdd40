// Package host knows what an agent runs on: whether it is root of a user namespace of its own, how many ids that has,
// the cgroup hierarchies, the kernel, the capabilities that it can give, and what the host says about a path, a device
// or a limit that a container's options name.
//
// [Find] makes the [Host] when an agent begins; the rest is looked up when it is asked for. The types are plain data
// and compile everywhere, so that package spec can be given any host; what looks something up is in files for Linux.
//
// The room may read /proc, /sys and files that it is given the paths of, and ask the kernel about this process. It
// must not know a container, an image or a store, and it changes the host in two places alone: [Host.CgroupFile] makes
// the engine's cgroup, below which some of the kernel's files first appear, and [UnmountBelow] detaches mounts of this
// process's own namespace.
package host
