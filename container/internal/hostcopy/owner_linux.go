package hostcopy

import (
	"io/fs"
	"syscall"
)

// ids returns the owner of a file of the host; root for one of another file system.
func ids(info fs.FileInfo) (uid, gid int) {
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		return int(st.Uid), int(st.Gid)
	}
	return 0, 0
}
