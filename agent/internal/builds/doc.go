// Package builds is the agent's room for builds: it carries out the plan that package dockerfile makes of a Dockerfile, with
// the hands of package work, finds results of earlier builds, and tells what it does.
//
// A step that changes files is found by its key: what was there before, what the instruction says, and the content of what
// it reads. The store remembers the layer of each key; a step that only changes the configuration costs nothing. What a
// build made on its way are images without a name, which the catalogue lists, counts and removes.
//
// It may read the contexts of a build, pull and push by package transfer, and add to the store, whose shared lock it holds
// while it does. It must not know of containers, nor touch files of a root itself.
package builds
