//go:build !windows

package atomicfile

import "os"

// SyncDir puts the names in a directory on disk: those made, renamed and removed.
func SyncDir(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	err = f.Sync()
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	return err
}
