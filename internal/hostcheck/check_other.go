//go:build !linux

package hostcheck

import "runtime"

// Check says that containers need Linux.
func Check() []Finding {
	return []Finding{{Name: "linux", Required: true, Problem: "containers need Linux, and this is " + runtime.GOOS,
		Fix: "run the tests in a Linux virtual machine"}}
}
