// Command caisson-agent-copier is a small binary for what copies files in a build or unpacks a layer, below a root
// directory of its own. The agent executes it where it is beside it, with the agent's name and "-copier"; without it the
// agent's own binary does the same, and takes twice the CPU time to begin. It needs no cgo.
package main

import (
	"fmt"
	"os"

	_ "go.podman.io/buildah/copier"
	_ "go.podman.io/storage/pkg/chrootarchive"
	"go.podman.io/storage/pkg/reexec"
)

func main() {
	if reexec.Init() {
		return
	}
	fmt.Fprintln(os.Stderr, "caisson-agent-copier is started by caisson-agent.")
	os.Exit(2)
}
