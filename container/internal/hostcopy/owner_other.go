//go:build !linux

package hostcopy

import "io/fs"

func ids(fs.FileInfo) (uid, gid int) { return 0, 0 }
