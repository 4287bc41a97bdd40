//go:build linux && cgo

// Package calls starts a process that is the list of its system calls: a small program (calls_linux.c) carries them out and
// no Go is executed, whose runtime takes longer to begin than all of them take.
//
// A List is made by what the caller knows, without the kernel, and says in its String what it does. Start writes the program
// and the list into one ELF file in memory and executes that. Nobody can write to it, it holds nothing but this one list, and
// it has no file of the host's open, so that a process of the container that gets at it by /proc gets at nothing else
// (CVE-2019-5736).
//
// The package knows system calls and processes, and no containers.
package calls
