package client

import (
	"os"

	"golang.org/x/sys/unix"

	"github.com/caisson-dev/caisson/internal/api"
)

func onTmpfs(dir string) bool {
	var st unix.Statfs_t
	return unix.Statfs(dir, &st) == nil && st.Type == unix.TMPFS_MAGIC
}

func ownedBySelf(dir string) error {
	var st unix.Stat_t
	if err := unix.Lstat(dir, &st); err != nil {
		return &os.PathError{Op: "lstat", Path: dir, Err: err}
	}
	if st.Mode&unix.S_IFMT != unix.S_IFDIR || int(st.Uid) != os.Geteuid() {
		return api.Errorf(api.ErrPermission, "run root %s: it belongs to user %d: remove it or set StoreOptions.RunRoot", dir, st.Uid)
	}
	if st.Mode&0o077 != 0 {
		return os.Chmod(dir, 0o700)
	}
	return nil
}
