//go:build caisson_release

package agentbin

// An agent that is released has no pins: its own sum would be among them.
var pins = pinned{}
