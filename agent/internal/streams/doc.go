//go:build linux

// Package streams connects a process's standard streams, or its terminal, with clients and logs.
//
// Pipes are the two ends of a process's streams. An Input is what clients write to it, while it runs and before. An
// Execution is a command with its streams, served to one client, left alone, or collected.
//
// It reads and writes descriptors, waits for the processes that it is given and may kill them. It starts none and knows
// no container.
package streams
