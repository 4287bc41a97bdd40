//go:build linux && !agentcover

package engine

// late says that package main calls Enter. Else Reexec does, before the rest of a program is initialised.
const late = false
