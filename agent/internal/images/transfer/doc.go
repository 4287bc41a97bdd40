// Package transfer brings images into the store and out of it: pulls and pushes, archives to load and save, root file
// systems to import and export.
//
// A pull brings the layers that the store lacks into it itself, all at the same time and each in one pass (blobs.go); the
// upstream library's copy then finds them there and puts the image together. A push is upstream's copy, which reads layers
// where their files are (source.go). One attempt of either is ended when nothing comes of the registry for too long
// (attempt.go), and tried again where that can help (retry.go). Credentials, certificates, registries and the signature
// policy are the system's and the user's, unless a request has its own.
//
// It may reach networks, read the user's credentials and policies, and use the temporary directory of the store. It adds
// to the store under its shared lock (images.Held), and removes nothing: layers of what did not end it reports by
// images.Store.Left. It must not unpack or pack by itself, which package layer does, nor know of builds and containers. It
// uses package images, which does not know it.
package transfer
