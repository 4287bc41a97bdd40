// Package certsd finds the certificates for a registry, in directories like those of containers-certs.d(5): DIR/HOST:PORT has
// *.crt, authorities to trust, and NAME.cert with NAME.key, to log in with. Both sides use it, so that they trust the same.
// It reads the names of files alone, and knows nothing else of this module.
package certsd

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
)

// Files are those that a directory has for a registry.
type Files struct {
	Authorities []string // *.crt
	Clients     []string // *.cert; the key of each is KeyOf
}

// KeyOf is the file of the key of a client's certificate.
func KeyOf(cert string) string { return cert[:len(cert)-len(filepath.Ext(cert))] + ".key" }

// Dirs are the directories of the user and the system, in their order.
func Dirs() []string {
	dirs := []string{"/etc/containers/certs.d", "/etc/docker/certs.d"}
	if home, err := os.UserHomeDir(); err == nil {
		dirs = append([]string{filepath.Join(home, ".config", "containers", "certs.d")}, dirs...)
	}
	return dirs
}

// Find lists the files for a registry, HOST:PORT, in the first of dirs that knows it. There may be none.
func Find(dirs []string, host string) (Files, error) {
	var f Files
	for _, dir := range dirs {
		dir = filepath.Join(dir, host)
		entries, err := os.ReadDir(dir)
		if errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission) {
			continue
		}
		if err != nil {
			return f, err
		}
		for _, e := range entries {
			path := filepath.Join(dir, e.Name())
			switch filepath.Ext(path) {
			case ".crt":
				f.Authorities = append(f.Authorities, path)
			case ".cert":
				f.Clients = append(f.Clients, path)
			}
		}
		return f, nil
	}
	return f, nil
}
