// Package images is the catalogue of one store: it opens containers/storage, resolves names, and lists, describes, tags,
// removes, prunes and checks images, tells their history and what they take, and shows their file systems.
//
// Store is the open store, which the rooms around use: transfers, builds and containers. Service serves the requests of
// package image that stay within the store.
//
// Locks, outermost first: the lock of a reference (one download serves all processes), the store's lock, containers/storage's
// own. The store's lock is shared for work that adds, whose owner has a Held, and exclusive for work that removes. It is not
// re-entrant: a second shared one would wait for a remover that waits for the first. What needs it is a method of Held, or
// says so.
//
// It may touch the store's root and temporary directory, and has package layer read and mount layers. It must not reach a
// network, know of registries or archives, nor import package transfer, builds or containers: what it wants of containers is
// the interface Containers, and what happened it tells by the function that it is given.
package images
