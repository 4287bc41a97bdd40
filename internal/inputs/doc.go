// Package inputs knows what a fixture of a test is made of: it hashes files, and tells the go command which files a test
// depends on. The go command prints "ok (cached)" for a test whose inputs have not changed, and knows as inputs what the
// test's process has opened or looked at below the root of the test's module. What a compiler or the agent reads for a test, and what lies elsewhere, it does not see. The functions
// of this package look at such files from the test's process, in a way that the go command takes note of.
//
// They read files, and run go list and go env; they change nothing. In a process that is not a test, or whose result is
// not kept, nothing is noted.
package inputs
