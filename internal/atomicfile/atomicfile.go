// Package atomicfile replaces a file at once: whoever reads it sees the old content or the new one, whole, also after
// the writer was killed in between. With Options.Sync that holds after a power cut too.
//
// It writes files and makes directories' entries last. It takes no locks: see [Write] for what its callers exclude.
package atomicfile

import (
	"io/fs"
	"os"
	"path/filepath"
)

// Options say how a file is written.
type Options struct {
	Perm fs.FileMode // of a new file; 0: 0600
	// Sync puts the content and the name on disk before Write returns: about 5 ms on an SSD.
	Sync bool
	// TempDir has the file until it is whole, under a name of its own; "": the directory of the file, where it has the
	// file's name with Suffix after it. It must be on the same file system.
	TempDir string
}

// Suffix is what the name of a file that is not whole ends in. The next Write of the file overwrites what a killed one left.
const Suffix = ".new"

// crashPoint is where the tests kill the process: the new content is written, and the name not yet changed.
var crashPoint = func() {}

// Write replaces the file at path, or makes it. Two writers of one path must exclude each other by a lock, unless they
// set Options.TempDir: then the last one wins.
func Write(path string, data []byte, o Options) error {
	temp, err := create(path, o)
	if err != nil {
		return err
	}
	if err := fill(temp, data, o); err != nil {
		_ = os.Remove(temp.Name())
		return err
	}
	crashPoint()
	if err := os.Rename(temp.Name(), path); err != nil {
		_ = os.Remove(temp.Name())
		return err
	}
	if o.Sync {
		return SyncDir(filepath.Dir(path))
	}
	return nil
}

func create(path string, o Options) (*os.File, error) {
	if o.TempDir != "" {
		return os.CreateTemp(o.TempDir, "f")
	}
	// What a killed writer left is overwritten.
	return os.OpenFile(path+Suffix, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, perm(o))
}

func perm(o Options) fs.FileMode {
	if o.Perm == 0 {
		return 0o600
	}
	return o.Perm
}

func fill(f *os.File, data []byte, o Options) error {
	_, err := f.Write(data)
	if err == nil && o.TempDir != "" && perm(o) != 0o600 {
		err = f.Chmod(perm(o))
	}
	if err == nil && o.Sync {
		err = f.Sync()
	}
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	return err
}
