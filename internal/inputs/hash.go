package inputs

import (
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"os"
)

// Hash hashes the names, modes and content of a file system, and notes it.
func Hash(h hash.Hash, fsys fs.FS) error {
	FS(fsys)
	return fs.WalkDir(fsys, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		fmt.Fprintf(h, "%q %v\n", name, info.Mode())
		switch {
		case info.Mode()&fs.ModeSymlink != 0:
			target, err := fs.ReadLink(fsys, name)
			fmt.Fprintf(h, "%q\n", target)
			return err
		case info.Mode().IsRegular():
			f, err := fsys.Open(name)
			if err != nil {
				return err
			}
			n, err := io.Copy(h, f)
			fmt.Fprintf(h, "\n%d\n", n)
			return errors.Join(err, f.Close())
		}
		return nil
	})
}

// HashPath hashes a file or a directory of this machine.
func HashPath(h hash.Hash, path string) error {
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return err
	case info.IsDir():
		return Hash(h, os.DirFS(path))
	}
	fmt.Fprintln(h, info.Mode())
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	_, err = io.Copy(h, f)
	return errors.Join(err, f.Close())
}
