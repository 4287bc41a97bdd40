// Package remote fetches what ADD takes from elsewhere: files by HTTP, and repositories by the git program, if there is one.
//
// It trusts no server: what is downloaded is bounded by the room on the disk, a checksum that is given must be right, and git
// is run without the configuration of this machine and user, for the protocols of networks alone.
//
// It may ask the network, start git, and write into the directory that it is given. It must not know images, layers or
// Dockerfiles.
package remote
