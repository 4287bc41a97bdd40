// Command write changes the agent's go.mod and go.sum of a checkout to what is published as a version:
//
//	go run ./internal/release/write -checkout .. v1.2.3
//
// The commit that has them is tagged v1.2.3 and agent/v1.2.3.
package main

import (
	"flag"
	"fmt"
	"os"

	"github.com/caisson-dev/caisson/agent/internal/release"
)

func main() {
	checkout := flag.String("checkout", "..", "directory of the root module")
	flag.Parse()
	if flag.NArg() != 1 {
		fmt.Fprintln(os.Stderr, "usage: write [-checkout DIR] VERSION")
		os.Exit(2)
	}
	if err := release.Write(*checkout, flag.Arg(0)); err != nil {
		fmt.Fprintln(os.Stderr, "release:", err)
		os.Exit(1)
	}
}
