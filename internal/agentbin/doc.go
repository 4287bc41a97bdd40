// Package agentbin gets the agent's binary: linked in, named, cached, installed, downloaded or built, whichever comes first.
//
// It reads the environment, looks for files, runs the go command, writes into the user's cache directory, and says on
// standard error what takes long. It does not start the agent, except to ask an installed one for its version, and knows
// nothing of stores. A release's binaries are known by sums in pins.go, which "make release" writes.
package agentbin
