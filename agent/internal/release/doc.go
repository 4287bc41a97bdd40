// Package release makes what a version of caisson consists of: the root module and the module agent, which requires the
// root of the same version. In a checkout the agent's go.mod has a replace directive instead; a published one has none,
// and a go.sum with the root's hashes.
//
// Write changes a checkout's agent/go.mod and agent/go.sum to that, for the commit that is tagged. Proxy makes a module
// proxy of files from a checkout, for tests of what an importer gets. The package reads a checkout and writes files; it
// runs git to list files, and neither commits, nor tags, nor uses a network.
package release
