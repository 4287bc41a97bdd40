package dockertest

import (
	"cmp"
	"flag"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"testing"

	"github.com/caisson-dev/caisson/internal/timeline"
)

// The flags, which only test binaries have.
var (
	flagKeep     bool
	flagReport   reportFlag
	flagParallel int
)

// init is what package testing itself does: flags must be there before they are parsed.
func init() {
	if !testing.Testing() {
		return
	}
	flag.BoolVar(&flagKeep, "dockertest.keep", false, "keep the containers of failed tests, and print how to enter them")
	flag.Var(&flagReport, "dockertest.report", "print how long each container took to pull, create, start and become ready; with a `file` whose name ends in .html or .json, write a timeline of all fixtures there")
	flag.IntVar(&flagParallel, "dockertest.parallel", 0, "how many containers may start at the same time on this machine; 0: as many as its processors suggest")
}

func keep() bool { return flagKeep || envSet("CAISSON_TEST_KEEP") }

// reportFlag is the name of a file, or what stands for yes or no.
type reportFlag string

func (f *reportFlag) String() string   { return string(*f) }
func (f *reportFlag) IsBoolFlag() bool { return true } // the flag alone is yes

func (f *reportFlag) Set(value string) error {
	if _, err := strconv.ParseBool(value); err != nil && !isReport(value) {
		return timeline.ErrName
	}
	*f = reportFlag(value)
	return nil
}

func isReport(value string) bool {
	return filepath.Ext(value) == ".html" || filepath.Ext(value) == ".json"
}

// reportValue is what the flag or the variable says.
func reportValue() string { return cmp.Or(string(flagReport), os.Getenv("CAISSON_TEST_REPORT")) }

// reports: each test tells what its containers took.
func reports() bool { return says(reportValue()) && !isReport(reportValue()) }

// reportFile is the file that has the timeline of the run; empty: there is none.
func reportFile() string {
	if v := reportValue(); isReport(v) {
		return v
	}
	return ""
}

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
