// Command caisson-agent is the agent as a binary of its own. Programs that use caisson start it; it takes no
// instructions from a command line.
//
//	CGO_ENABLED=1 go install -tags containers_image_openpgp,exclude_graphdriver_btrfs github.com/caisson-dev/caisson/agent/cmd/...@latest
package main

import (
	"fmt"
	"os"

	_ "github.com/caisson-dev/caisson/agent"
	"github.com/caisson-dev/caisson/internal/version"
)

func main() {
	if len(os.Args) == 2 && os.Args[1] == "version" {
		fmt.Println(version.Agent())
		return
	}
	fmt.Fprintln(os.Stderr, "caisson-agent is started by programs that use github.com/caisson-dev/caisson.\nusage: caisson-agent version")
	os.Exit(2)
}
