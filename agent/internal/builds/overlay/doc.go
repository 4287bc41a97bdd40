// Package overlay has the layers of a build in the kernel's overlay file system: it mounts layers with a directory for what is
// written on top, and makes a layer of such a directory, without copying it.
//
// A directory on top is read once: Pack writes it as a tar, with whiteouts in the form of archives, and notes what package
// layer needs to make the same bytes again. It also packs several directories as one layer. Take moves one into the storage
// driver's place for new layers.
//
// Mounts have no redirects and no copies of metadata alone, so that what is in the directory on top is whole.
//
// It may mount and unmount, read and rename the directories that it is given, and set times of files that are younger than the
// epoch of a build. It must not know images, steps or Dockerfiles.
package overlay
