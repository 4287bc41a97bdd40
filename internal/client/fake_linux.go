package client

import "sync"

// FakeVersion is what an agent that a test plays must say in its hello.
const FakeVersion = "fake"

// fakes are the agents that tests play, by their stores' roots.
var fakes sync.Map

// Fake makes Open start an agent that a test plays for the store at root, which is absolute. It is for internal/agenttest.
func Fake(root string, l Launch) (remove func()) {
	fakes.Store(root, l)
	return func() { fakes.Delete(root) }
}
