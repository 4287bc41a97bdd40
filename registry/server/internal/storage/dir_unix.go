//go:build unix

package storage

import "os"

// renameOpen says that a file can be renamed while it is open.
const renameOpen = true

// syncDir makes a rename or a new name in dir last.
func syncDir(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }()
	return f.Sync()
}
