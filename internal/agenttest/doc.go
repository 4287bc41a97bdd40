// Package agenttest plays an agent, for tests of the client side that need no kernel, no privileges and no binary: it
// says hello on the lifeline, serves the routes of internal/api on a unix socket with handlers that the test gives, and
// dies when the test wants it to.
//
//	a := agenttest.New(t)
//	a.Handle(api.ImageList, agenttest.Answer([]image.Image{{ID: "sha256:01"}}))
//	store, err := image.OpenStore(image.StoreOptions{Root: a.Root, RunRoot: a.RunRoot})
//
// It knows internal/api and internal/client, and must not know the packages that are tested with it, nor the agent. It
// is for tests alone.
package agenttest
