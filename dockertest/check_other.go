//go:build !linux

package dockertest

import "runtime"

func check() []Finding {
	return []Finding{{Name: "linux", Required: true, Problem: "containers need Linux, and this is " + runtime.GOOS,
		Fix: "run the tests in a Linux virtual machine"}}
}
