// Package images is the agent's room for images: it opens containers/storage, resolves names, lists, tags, removes,
// pulls and pushes. Builds are next door, in package builds.
//
// Locks, outermost first: the lock of a reference (one download serves all processes), the store's lock (shared for
// work that adds, exclusive for work that removes), containers/storage's own. The store's lock is not re-entrant: a
// second shared one would wait for a remover that waits for the first. Hold puts it into the context, and what runs
// under it takes it from there.
package images
