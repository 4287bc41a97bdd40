// Package images builds the images of tests: once for what is the same, under names that are made of what they are built
// of.
//
// It asks the engine, reads what images are made of and tells the go command of it. It knows no test and no fixture.
package images
