// Package work does what the steps of a build need of the kernel: roots to write in on top of layers, RUN, COPY and ADD in
// them, and layers made of them.
//
// A Service is the agent's; a Worker is one build's, and takes all that is left of it along when it is closed. A Root is a
// mount of layers with a directory on top, which lies among this process's temporary files: after a SIGKILL the next process
// to open the store removes it, as all of those, and Sweep ends the steps.
//
// A step starts as a container starts, by the same specification, runtime, filter and networks. What a step has mounted, and
// the directories that are made for that, leave no trace in its layer.
//
// It may mount, start processes, join networks, write below the directory of temporary files and into the cache mounts of the
// store, and add layers. It must not parse Dockerfiles, know what a step's result is kept by, nor touch images and names. Who
// calls it holds the store's shared lock.
package work
