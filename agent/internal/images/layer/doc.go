// Package layer unpacks the layers of images and packs them again, byte for byte, mounts them, and reads what is in them.
//
// It trusts no archive. What is unpacked lands below one directory, which is the root of the thread that unpacks it; the
// number of entries and the room on the disk are bounded (package diskspace); what can't be packed again as it came is
// refused. What is read of a mounted layer is looked up from its root and does not lead out of it.
//
// It may touch the files of the storage driver below the graph root, mounts, and the layers of containers/storage. It must
// not know of images, registries, archives or requests: it imports neither package images nor package transfer, and names
// of images do not occur in it. Locks are the caller's: who stages a layer or reads one holds the store's shared lock.
package layer
