// Command caisson-agent-init is a small binary for what starts with each container, exec and RUN step: the container's
// init, and the OCI runtime of builds. The agent executes it where it is beside it, with the agent's name and "-init";
// without it the agent's own binary does the same, and takes twice the CPU time to begin.
package main

import (
	"fmt"
	"os"

	"github.com/caisson-dev/caisson/agent/internal/stage"
)

func main() {
	stage.Enter()
	fmt.Fprintln(os.Stderr, "caisson-agent-init is started by caisson-agent.")
	os.Exit(2)
}
