// Package agent links caisson's agent into a program, which then needs nothing beside itself:
//
//	import _ "github.com/caisson-dev/caisson/agent"
//
// Without it, the program finds or builds the agent when it first opens a store; the README says how. Linking it in
// costs what that saves: the program then compiles with cgo and, where the headers of gpgme and btrfs are not
// installed, with the tags containers_image_openpgp and exclude_graphdriver_btrfs; and linking takes seconds longer.
//
// The import has an init function that takes the process over when it is one that the agent started.
package agent

import (
	"github.com/caisson-dev/caisson/agent/internal/engine"
	"github.com/caisson-dev/caisson/internal/version"
)

func init() {
	version.Linked = true
	engine.Reexec()
}
