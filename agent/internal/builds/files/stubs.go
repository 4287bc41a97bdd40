//go:build linux

package files

import (
	"errors"
	"os"
	"path"
	"slices"

	"golang.org/x/sys/unix"
)

// Stubs are files and directories of a root that are made for something to be mounted on, and taken away again.
type Stubs struct {
	root *os.File
	// Before is called with a directory that is about to be changed, and those above it, each with what it is like. It may be
	// nil.
	Before func(path string, st *unix.Stat_t)
	made   []string // in order
}

// NewStubs makes none yet.
func NewStubs(root *os.File) *Stubs { return &Stubs{root: root} }

// Make makes what is missing at a path, and says whether that was anything: a directory, or an empty file. Directories on the
// way get the mode 0755 and keep their times.
func (s *Stubs) Make(name string, dir bool) (made bool, err error) {
	p, err := s.resolve(name, true)
	if err != nil {
		return false, err
	}
	defer p.close()
	if p.st != nil {
		return false, nil
	}
	return true, s.make(p.dir, p.name, p.path, dir)
}

func (s *Stubs) resolve(name string, make bool) (place, error) {
	w := way{follow: true, tail: true}
	if make {
		w.makeAt = func(dir int, name, full string) error { return s.make(dir, name, full, true) }
	}
	return resolve(int(s.root.Fd()), name, w)
}

func (s *Stubs) make(dir int, name, full string, isDir bool) error {
	above, err := lstat(dir, ".")
	if err != nil {
		return err
	}
	s.tell(path.Dir(full))
	if isDir {
		err = mkdir(dir, name, 0o755, nil)
	} else {
		var fd int
		if fd, err = unix.Openat(dir, name, unix.O_WRONLY|unix.O_CREAT|unix.O_EXCL|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0o644); err == nil {
			err = unix.Close(fd)
		}
	}
	if err != nil {
		return err
	}
	s.made = append(s.made, full)
	return setTimes(dir, ".", times(above))
}

// tell tells of a directory and those above it, but not of the root.
func (s *Stubs) tell(dir string) {
	for ; s.Before != nil && dir != "." && dir != "/"; dir = path.Dir(dir) {
		if p, err := resolve(int(s.root.Fd()), dir, way{}); err == nil {
			s.Before(dir, p.st)
			p.close()
		}
	}
}

// Remove takes away what was made and is still as it was made: a directory that something was put in stays, and a file that
// is not empty. Directories keep their times.
func (s *Stubs) Remove() error {
	var errs []error
	for _, full := range slices.Backward(s.made) {
		errs = append(errs, s.remove(full))
	}
	s.made = nil
	return errors.Join(errs...)
}

func (s *Stubs) remove(full string) error {
	p, err := resolve(int(s.root.Fd()), full, way{})
	if isAny(err, unix.ENOENT, unix.ENOTDIR, unix.ELOOP) {
		return nil // the step has moved it
	}
	if err != nil {
		return err
	}
	defer p.close()
	dir, name := p.dir, p.name
	if name == "." { // resolve stands in the directory itself
		if dir, err = unix.Openat(p.dir, "..", unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0); err != nil {
			return err
		}
		defer unix.Close(dir)
		name = path.Base(full)
	}
	if p.st == nil || p.path != full {
		return nil
	}
	above, err := lstat(dir, ".")
	if err != nil {
		return err
	}
	switch {
	case p.isDir():
		err = unix.Unlinkat(dir, name, unix.AT_REMOVEDIR)
	case kind(p.st) == unix.S_IFREG && p.st.Size == 0:
		err = unix.Unlinkat(dir, name, 0)
	default:
		return nil
	}
	if isAny(err, unix.ENOTEMPTY) {
		return nil
	}
	if err != nil {
		return err
	}
	return setTimes(dir, ".", times(above))
}
