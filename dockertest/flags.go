package dockertest

import (
	"flag"
	"os"
	"runtime"
	"strconv"
	"testing"
)

// The flags, which only test binaries have.
var (
	flagKeep     bool
	flagReport   bool
	flagParallel int
)

// init is what package testing itself does: flags must be there before they are parsed.
func init() {
	if !testing.Testing() {
		return
	}
	flag.BoolVar(&flagKeep, "dockertest.keep", false, "keep the containers of failed tests, and print how to enter them")
	flag.BoolVar(&flagReport, "dockertest.report", false, "print how long each container took to pull, create, start and become ready")
	flag.IntVar(&flagParallel, "dockertest.parallel", 0, "how many containers may start at the same time on this machine; 0: as many as its processors suggest")
}

func keep() bool    { return flagKeep || envSet("CAISSON_TEST_KEEP") }
func reports() bool { return flagReport || envSet("CAISSON_TEST_REPORT") }

// parallel is how many containers may start at a time. A start is 20 to 40 ms of processor time, half of it in the
// kernel: one more than there are processors keeps them busy.
func parallel() int {
	n := flagParallel
	if n <= 0 {
		n, _ = strconv.Atoi(os.Getenv("CAISSON_TEST_PARALLEL"))
	}
	if n <= 0 {
		n = runtime.NumCPU() + 1
	}
	return n
}
