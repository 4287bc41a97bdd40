//go:build linux

// Package damage finds what is damaged of a store's containers, volumes and networks, and mends it: the half of a check of
// the store that package images leaves to others.
//
// It reads the files of containers, volumes and networks through the packages that write them. It removes nothing itself,
// and touches no image and no process.
package damage
