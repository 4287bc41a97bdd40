package host

import (
	"strings"

	"github.com/moby/sys/capability"
	"golang.org/x/sys/unix"
)

// Capabilities are those that this process has, and so can give.
func Capabilities() []string {
	hdr := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var data [2]unix.CapUserData
	if err := unix.Capget(&hdr, &data[0]); err != nil {
		return nil
	}
	var names []string
	for _, c := range capability.ListKnown() {
		if data[c/32].Permitted&(1<<(c%32)) != 0 {
			names = append(names, "CAP_"+strings.ToUpper(c.String()))
		}
	}
	return names
}
