//go:build linux

package files

import (
	"errors"
	"io/fs"
	"os"
	"path"
	"strings"

	"golang.org/x/sys/unix"
)

// maxLinks is how many symbolic links the way to one file may have, as in BuildKit.
const maxLinks = 255

// place is where a path leads below a root.
type place struct {
	dir  int          // the last directory on the way, open by O_PATH
	name string       // in dir; "." for dir itself
	path string       // from the root, without links; "" is the root
	st   *unix.Stat_t // nil: there is nothing
}

func (p *place) close() { unix.Close(p.dir) }

func (p *place) isDir() bool { return p.st != nil && kind(p.st) == unix.S_IFDIR }

func kind(st *unix.Stat_t) uint32 { return st.Mode & unix.S_IFMT }

// way is how a path is followed.
type way struct {
	follow bool // a link at its end
	// make makes a directory that is missing; nil: on the way that is an error.
	make   func(dir int, name string) error
	makeAt func(dir int, name, full string) error // make, which is told the path without links
	tail   bool                                   // make does not make the end of the path
	// pass judges a link on the way; nil lets all pass.
	pass func(path string) error
}

// resolver follows one path.
type resolver struct {
	way
	dirs  []int    // open, from the root on
	names []string // of dirs, without the root
	rest  []string // of the path
	links int
}

// resolve follows a path from the directory root, which links don't lead out of, as if it were the root of the process. The
// caller closes the place.
func resolve(root int, name string, w way) (_ place, err error) {
	if w.make != nil {
		w.makeAt = func(dir int, name, _ string) error { return w.make(dir, name) }
	}
	top, err := openDir(root, ".")
	if err != nil {
		return place{}, err
	}
	r := &resolver{way: w, dirs: []int{top}, rest: components(name)}
	p, err := r.run()
	keep := -1
	if err == nil {
		keep = p.dir
	}
	for _, fd := range r.dirs {
		if fd != keep {
			unix.Close(fd)
		}
	}
	return p, named(name, err)
}

// named gives an error of the kernel the name that it is about.
func named(name string, err error) error {
	var errno unix.Errno
	if errors.As(err, &errno) {
		return &fs.PathError{Op: "open", Path: path.Join("/", name), Err: errno}
	}
	return err
}

// components are those of a path that mean something.
func components(name string) []string {
	var out []string
	for c := range strings.SplitSeq(name, "/") {
		if c != "" && c != "." {
			out = append(out, c)
		}
	}
	return out
}

func openDir(dir int, name string) (int, error) {
	return unix.Openat(dir, name, unix.O_PATH|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
}

func lstat(dir int, name string) (*unix.Stat_t, error) {
	var st unix.Stat_t
	err := unix.Fstatat(dir, name, &st, unix.AT_SYMLINK_NOFOLLOW)
	if err != nil {
		return nil, err
	}
	return &st, nil
}

func (r *resolver) top() int { return r.dirs[len(r.dirs)-1] }

// here is the directory that was reached.
func (r *resolver) here() (place, error) {
	st, err := lstat(r.top(), ".")
	return place{dir: r.top(), name: ".", path: path.Join(r.names...), st: st}, err
}

func (r *resolver) run() (place, error) {
	for len(r.rest) > 0 {
		name := r.rest[0]
		r.rest = r.rest[1:]
		if name == ".." {
			if len(r.names) > 0 {
				unix.Close(r.top())
				r.dirs, r.names = r.dirs[:len(r.dirs)-1], r.names[:len(r.names)-1]
			}
			continue
		}
		p, done, err := r.step(name)
		if done || err != nil {
			return p, err
		}
	}
	return r.here()
}

// step goes on by one component. done: p is the end of the path.
func (r *resolver) step(name string) (p place, done bool, err error) {
	last := len(r.rest) == 0
	p = place{dir: r.top(), name: name, path: path.Join(path.Join(r.names...), name)}
	p.st, err = lstat(p.dir, name)
	switch {
	case errors.Is(err, unix.ENOENT) && r.makeAt != nil && !(last && r.tail):
		if err := r.makeAt(p.dir, name, p.path); err != nil {
			return p, false, err
		}
		return p, false, r.enter(name)
	case errors.Is(err, unix.ENOENT) && last:
		return p, true, nil
	case err != nil:
		return p, false, err
	case kind(p.st) == unix.S_IFLNK && (!last || r.follow):
		return p, false, r.link(p)
	case kind(p.st) == unix.S_IFDIR:
		return p, false, r.enter(name)
	case last && (r.makeAt == nil || r.tail):
		return p, true, nil
	}
	return p, false, unix.ENOTDIR
}

func (r *resolver) enter(name string) error {
	fd, err := openDir(r.top(), name)
	if err != nil {
		return err
	}
	r.dirs, r.names = append(r.dirs, fd), append(r.names, name)
	return nil
}

// link puts the target of a link in its place.
func (r *resolver) link(p place) error {
	if r.links++; r.links > maxLinks {
		return unix.ELOOP
	}
	if r.pass != nil {
		if err := r.pass(p.path); err != nil {
			return err
		}
	}
	target, err := readlink(p.dir, p.name)
	if err != nil {
		return err
	}
	if path.IsAbs(target) {
		for _, fd := range r.dirs[1:] {
			unix.Close(fd)
		}
		r.dirs, r.names = r.dirs[:1], nil
	}
	r.rest = append(components(target), r.rest...)
	return nil
}

func readlink(dir int, name string) (string, error) {
	buf := make([]byte, unix.PathMax)
	n, err := unix.Readlinkat(dir, name, buf)
	if err != nil {
		return "", err
	}
	return string(buf[:n]), nil
}

// readNames lists a directory, sorted.
func readNames(dir int, name string) ([]string, error) {
	fd, err := unix.Openat(dir, name, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	f := os.NewFile(uintptr(fd), name)
	defer f.Close()
	return sorted(f.Readdirnames(-1))
}
