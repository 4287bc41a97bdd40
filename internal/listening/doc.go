// Package listening tells where the processes of a network namespace listen.
//
// It reads files of /proc and touches nothing else. It knows neither containers nor this module's other packages.
package listening
