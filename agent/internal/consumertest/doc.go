// Package consumertest holds tests of what an importer gets: a module of its own, with two packages of tests that use
// dockertest, which require caisson in each of the ways that the go command knows. The importer has no agent; its tests
// find one or have one built. Nothing goes over a network: caisson comes from a module proxy of files, made from this
// checkout, and all else from the module cache of the machine.
package consumertest
