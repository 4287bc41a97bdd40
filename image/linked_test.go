//go:build linked

package image_test

// With the tag linked, and the agent's own, the agent is the test's binary, so that -race and -cover see it too.
import _ "github.com/caisson-dev/caisson/agent"
