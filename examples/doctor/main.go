// Command doctor says what this host lacks for containers, and the command that mends it. Its code is 1 when no
// container can run.
//
//	go run ./examples/doctor
package main

import (
	"fmt"
	"io"
	"os"

	"github.com/caisson-dev/caisson/dockertest"
)

func main() { os.Exit(tell(os.Stdout, dockertest.Check())) }

func tell(out io.Writer, findings []dockertest.Finding) (code int) {
	for _, f := range findings {
		fmt.Fprintln(out, f)
		if !f.OK && f.Required {
			code = 1
		}
	}
	return code
}
