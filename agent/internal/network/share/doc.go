// Package share divides what a process has only so much of among containers and their networks, so that none takes all of
// it: whoever holds little gets more while whoever holds much does not.
//
// It is pure: it counts. It opens nothing, asks no kernel, and knows containers and networks by name alone.
package share
