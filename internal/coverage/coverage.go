// Package coverage knows the directory that a test binary's coverage goes to, and moves files there.
package coverage

import (
	"errors"
	"flag"
	"os"
	"path/filepath"
)

// Dir is what GOCOVERDIR or the flag -test.gocoverdir names; empty without either.
func Dir() string {
	dir := os.Getenv("GOCOVERDIR")
	if f := flag.Lookup("test.gocoverdir"); dir == "" && f != nil {
		dir = f.Value.String()
	}
	if dir == "" {
		return ""
	}
	if abs, err := filepath.Abs(dir); err == nil {
		return abs
	}
	return dir
}

// Collect moves the files of a container to those of all others; the Go runtime's names are unique.
func Collect(from, to string) error {
	entries, err := os.ReadDir(from)
	if err != nil {
		return err
	}
	var errs []error
	for _, e := range entries {
		errs = append(errs, os.Rename(filepath.Join(from, e.Name()), filepath.Join(to, e.Name())))
	}
	return errors.Join(append(errs, os.Remove(from))...)
}
