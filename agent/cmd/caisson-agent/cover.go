//go:build linux && agentcover

package main

import "github.com/caisson-dev/caisson/agent/internal/engine"

// An agent that is built to measure coverage begins here: Go writes the counters only of a process whose package main
// has been initialised.
func init() { engine.Enter() }
