// Package files copies files into the root of a build and tells, without copying, what would be copied: COPY, ADD and what
// they are cached by.
//
// A Tree is what can be copied from: the directory of a context with what .dockerignore leaves out taken away, or the files
// of a layer. Copy has the meaning of BuildKit's file operations (moby/buildkit solver/llbsolver/file, tonistiigi/fsutil copy),
// and Digest covers exactly what Copy would take.
//
// Names are looked up component by component from the descriptor of a root directory, and no link of a tree leads out of it,
// also while another process changes the tree. What can be decided without the kernel, such as wildcards, patterns, owners and
// modes, are functions of their inputs.
//
// It may read the trees that it is given, write below the root that it is given, and write the file of its hashes. It must not
// know Dockerfiles, images, layers or the store.
package files
