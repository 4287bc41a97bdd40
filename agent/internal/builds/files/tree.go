//go:build linux

package files

import (
	"errors"
	"io/fs"
	"os"
	"path"
	"sync"

	"golang.org/x/sys/unix"

	"github.com/caisson-dev/caisson/internal/api"
)

// Ignore is what .dockerignore leaves out of a context. The nil Ignore leaves nothing out.
type Ignore struct{ m *matcher }

// NewIgnore takes the lines of .dockerignore, parsed.
func NewIgnore(lines []string) (*Ignore, error) {
	m, err := newMatcher(".dockerignore", lines)
	if m == nil || err != nil {
		return nil, err
	}
	return &Ignore{m}, nil
}

func (i *Ignore) excluded(name string) (bool, error) { return i.m.MatchesOrParentMatches(name) }

// mayInclude says whether something below a directory that is left out may not be.
func (i *Ignore) mayInclude(dir string) bool {
	for _, p := range i.m.Patterns() {
		if p.Exclusion() && mayHold(p.String(), dir) {
			return true
		}
	}
	return false
}

// Tree is a directory with all below it that files are copied from.
type Tree struct {
	root      *os.File
	ignore    *Ignore
	rootOwned bool
	hashes    *Hashes

	mu   sync.Mutex
	held map[string]bool // by directories that are left out: whether something in them is not
}

// TreeOptions say what a tree shows.
type TreeOptions struct {
	Ignore    *Ignore // nil: nothing is left out
	RootOwned bool    // all files are root's, whoever's they are here: those of a context
	Hashes    *Hashes // of contents that were read before; nil: none are kept
}

// OpenTree opens the tree of a directory. dir is not followed if it is a link.
func OpenTree(dir string, o TreeOptions) (*Tree, error) {
	f, err := os.OpenFile(dir, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	return &Tree{root: f, ignore: o.Ignore, rootOwned: o.RootOwned, hashes: o.Hashes, held: map[string]bool{}}, nil
}

// Close lets the tree go.
func (t *Tree) Close() error { return errors.Join(t.hashes.save(), t.root.Close()) }

func (t *Tree) fd() int { return int(t.root.Fd()) }

// find follows a path of the tree. What is left out is not there.
func (t *Tree) find(name string, follow bool) (place, error) {
	p, err := resolve(t.fd(), name, way{follow: follow, pass: func(link string) error {
		if seen, err := t.seen(link, false); err != nil || seen {
			return err
		}
		return unix.ENOENT
	}})
	if err != nil {
		return p, err
	}
	if p.st != nil {
		var seen bool
		if seen, err = t.seen(p.path, p.isDir()); err == nil && !seen {
			err = unix.ENOENT
		}
	} else {
		err = unix.ENOENT
	}
	if err != nil {
		p.close()
		return p, named(name, err)
	}
	return p, nil
}

// MissingError says that a source is not in a tree, or left out of it. It matches fs.ErrNotExist.
type MissingError struct {
	Path string // as it was asked for
}

func (e *MissingError) Error() string { return e.Path + ": not found" }

// Is makes errors.Is(err, fs.ErrNotExist) true.
func (e *MissingError) Is(target error) bool { return target == fs.ErrNotExist }

// notFound gives the error of a lookup the name that the user wrote.
func notFound(name string, err error) error {
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, unix.ENOTDIR) {
		return &MissingError{name}
	}
	if errors.Is(err, unix.ELOOP) || errors.Is(err, unix.ENAMETOOLONG) {
		return api.Errorf(api.ErrInvalidArgument, "%s: %w", name, err)
	}
	return err
}

// seen says whether a path is not left out.
func (t *Tree) seen(name string, dir bool) (bool, error) {
	if t.ignore == nil || name == "" {
		return true, nil
	}
	excluded, err := t.ignore.excluded(name)
	if err != nil || !excluded {
		return err == nil, err
	}
	if !dir || !t.ignore.mayInclude(name) {
		return false, nil
	}
	return t.holds(name)
}

// holds says whether something in a directory that is left out is not.
func (t *Tree) holds(name string) (bool, error) {
	t.mu.Lock()
	held, known := t.held[name]
	t.mu.Unlock()
	if known {
		return held, nil
	}
	p, err := resolve(t.fd(), name, way{})
	if err != nil {
		return false, err
	}
	defer p.close()
	names, err := readNames(p.dir, p.name)
	if err != nil {
		return false, named(name, err)
	}
	for _, n := range names {
		st, err := lstat(p.dir, path.Join(p.name, n))
		if errors.Is(err, unix.ENOENT) {
			continue
		}
		if err != nil {
			return false, named(path.Join(name, n), err)
		}
		if held, err = t.seen(path.Join(name, n), kind(st) == unix.S_IFDIR); err != nil {
			return false, err
		}
		if held {
			break
		}
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.held[name] = held
	return held, nil
}

// entries lists what is in a directory of the tree and not left out.
func (t *Tree) entries(dir int, name, at string) ([]string, error) {
	names, err := readNames(dir, name)
	if err != nil || t.ignore == nil {
		return names, err
	}
	var out []string
	for _, n := range names {
		st, err := lstat(dir, path.Join(name, n))
		if errors.Is(err, unix.ENOENT) {
			continue // removed meanwhile
		}
		if err != nil {
			return nil, err
		}
		seen, err := t.seen(path.Join(at, n), kind(st) == unix.S_IFDIR)
		if err != nil {
			return nil, err
		}
		if seen {
			out = append(out, n)
		}
	}
	return out, nil
}

// Path is where a path of the tree is on this machine, for a mount. Only of a tree that nobody changes is it sure to stay so.
func (t *Tree) Path(name string) (where string, dir bool, err error) {
	p, err := t.find(name, true)
	if err != nil {
		return "", false, notFound(name, err)
	}
	defer p.close()
	return path.Join(t.root.Name(), p.path), p.isDir(), nil
}
