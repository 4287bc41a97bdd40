//go:build linux

package files

import (
	"context"
	"errors"
	"path"
	"path/filepath"

	"golang.org/x/sys/unix"

	"github.com/caisson-dev/caisson/internal/api"
)

// Selection says which files of a tree are meant.
type Selection struct {
	Paths   []string // as a Dockerfile has them: relative to the tree's root, with wildcards
	Parents bool     // --parents
	Exclude []string // --exclude
	// Literal takes names as they are: a here-document's or a download's may have a wildcard's signs. A directory, as that of
	// a repository, gives its own mode to one that is made for it.
	Literal bool
}

// maxDepth bounds the directories in directories.
const maxDepth = 2048

// picked is one file or directory that a selection names.
type picked struct {
	place
	base    string   // the last component as it is written, or as a wildcard found it
	include *matcher // of --parents; nil: all
	pattern string   // of include
	skip    bool     // --exclude takes it away
}

// pick finds what a selection names, in order. The caller closes the places.
func (t *Tree) pick(s Selection) (_ []picked, err error) {
	var out []picked
	defer func() {
		if err != nil {
			closeAll(out)
		}
	}()
	exclude, err := newMatcher("--exclude", s.Exclude)
	if err != nil {
		return nil, err
	}
	for _, name := range s.Paths {
		var found []picked
		switch {
		case s.Literal:
			found, err = t.one(name, name)
		case s.Parents:
			found, err = t.pickParents(name)
		default:
			found, err = t.pickPath(name, exclude)
		}
		out = append(out, found...)
		if err != nil {
			return nil, err
		}
	}
	return out, nil
}

func closeAll(list []picked) {
	for _, p := range list {
		p.close()
	}
}

// one finds a path without wildcards. told is how the user wrote it.
func (t *Tree) one(name, told string) ([]picked, error) {
	p, err := t.find(name, true)
	if err != nil {
		return nil, notFound(told, err)
	}
	return []picked{{place: p, base: path.Base(path.Join("/", name))}}, nil
}

// pickPath finds what a source without --parents names. A wildcard that matches nothing names nothing, in a directory that is
// there.
func (t *Tree) pickPath(name string, exclude *matcher) (out []picked, err error) {
	dir, pattern := splitWildcards(name)
	if pattern == "" {
		return t.one(dir, name)
	}
	p, err := t.find(dir, true)
	if err != nil {
		return nil, notFound(name, err)
	}
	defer p.close()
	matches, err := t.glob(p, pattern)
	if err != nil {
		return nil, err
	}
	for _, m := range matches {
		found, err := t.one(m, name)
		if err != nil {
			closeAll(out)
			return nil, err
		}
		if !found[0].isDir() { // Docker's reference: COPY --exclude=*.txt hom* /mydir/
			if found[0].skip, _, err = exclude.match(found[0].base, matched{}); err != nil {
				closeAll(append(out, found...))
				return nil, err
			}
		}
		out = append(out, found...)
	}
	return out, nil
}

// glob finds the paths that a pattern matches below a directory, component by component. What matches is not looked into.
func (t *Tree) glob(p place, pattern string) (out []string, err error) {
	if _, err := filepath.Match(pattern, ""); err != nil {
		return nil, api.Errorf(api.ErrInvalidArgument, "%s: %w: write it as filepath.Match takes it", pattern, err)
	}
	if !p.isDir() {
		return nil, nil
	}
	at := []string{p.path}
	parts := components(pattern)
	for i, part := range parts {
		var next []string
		for _, dir := range at {
			found, err := t.globIn(dir, part, i < len(parts)-1)
			if err != nil {
				return nil, err
			}
			next = append(next, found...)
		}
		at = next
	}
	return at, nil
}

// globIn is glob for one component. Links to directories are not followed, as BuildKit does not.
func (t *Tree) globIn(at, part string, dirs bool) (out []string, err error) {
	p, err := resolve(t.fd(), at, way{})
	if err != nil {
		return nil, err
	}
	defer p.close()
	names, err := t.entries(p.dir, p.name, at)
	if err != nil {
		return nil, named(at, err)
	}
	for _, n := range names {
		if ok, err := filepath.Match(part, n); err != nil || !ok {
			continue
		}
		if st, err := lstat(p.dir, path.Join(p.name, n)); dirs && (err != nil || kind(st) != unix.S_IFDIR) {
			continue
		}
		out = append(out, path.Join(at, n))
	}
	return out, nil
}

// pickParents finds what a source of --parents names: its pivots, each with the pattern of what is taken below it.
func (t *Tree) pickParents(name string) ([]picked, error) {
	dir, pattern := pivot(name)
	include, err := newMatcher("--parents "+name, []string{pattern})
	if err != nil {
		return nil, err
	}
	var out []picked
	if hasWildcards(dir) {
		out, err = t.pickPath(dir, nil)
	} else {
		out, err = t.one(dir, name)
	}
	if err != nil {
		return nil, err
	}
	if !hasWildcards(name) {
		p, err := t.find(path.Join(dir, pattern), true)
		if err != nil {
			closeAll(out)
			return nil, notFound(name, err)
		}
		p.close()
	}
	for i := range out {
		if pattern != "" { // all of the pivot
			out[i].include, out[i].pattern = include, pattern
		}
	}
	return out, nil
}

// entry is a file or directory on the way through what was picked.
type entry struct {
	dir  int    // that it is in
	name string // in dir
	rel  string // from what was picked; "" is that itself
	path string // from the tree's root
	st   *unix.Stat_t
	full bool // it was selected itself, and not only something in it
}

func (e *entry) isDir() bool { return kind(e.st) == unix.S_IFDIR }

// sink takes what is selected, in order.
type sink interface {
	// enter is called for a directory before what is in it, and leave after.
	enter(e *entry) error
	leave(e *entry) error
	leaf(e *entry) error
}

// walker goes through one thing that was picked.
type walker struct {
	t       *Tree
	ctx     context.Context
	p       *picked
	exclude *matcher
	to      sink
	open    []*frame // the directories on the way down
}

type frame struct {
	entry
	entered bool
}

// walk gives all that was picked and is not excluded to the sink.
func (t *Tree) walk(ctx context.Context, p *picked, exclude []string, to sink) error {
	m, err := newMatcher("--exclude", exclude)
	if err != nil {
		return err
	}
	w := &walker{t: t, ctx: ctx, p: p, exclude: m, to: to}
	return w.visit(&entry{dir: p.dir, name: p.name, path: p.path, st: p.st, full: true}, matched{}, matched{})
}

// ahead enters the directories on the way that were not selected themselves, now that something in them is.
func (w *walker) ahead() error {
	for _, f := range w.open {
		if !f.entered {
			f.entered = true
			if err := w.to.enter(&f.entry); err != nil {
				return err
			}
		}
	}
	return nil
}

func (w *walker) visit(e *entry, inc, exc matched) error {
	if err := w.ctx.Err(); err != nil {
		return context.Cause(w.ctx)
	}
	excluded := false
	if e.rel != "" {
		var err error
		if w.p.include != nil {
			if e.full, inc, err = w.p.include.match(e.rel, inc); err != nil {
				return err
			}
		}
		if excluded, exc, err = w.exclude.match(e.rel, exc); err != nil {
			return err
		}
		e.full = e.full && !excluded
	}
	if !e.isDir() {
		if !e.full {
			return nil
		}
		if err := w.ahead(); err != nil {
			return err
		}
		return w.to.leaf(e)
	}
	f := &frame{entry: *e}
	w.open = append(w.open, f)
	defer func() { w.open = w.open[:len(w.open)-1] }()
	if e.full {
		if err := w.ahead(); err != nil {
			return err
		}
	}
	if w.into(e, excluded) {
		if err := w.children(f, inc, exc); err != nil {
			return err
		}
	}
	if f.entered {
		return w.to.leave(&f.entry)
	}
	return nil
}

// into says whether something in a directory may be selected.
func (w *walker) into(e *entry, excluded bool) bool {
	switch {
	case excluded && !w.exclude.negates():
		return false
	case e.full, e.rel == "":
		return true
	}
	return w.p.include == nil || mayHold(w.p.pattern, e.rel)
}

func (w *walker) children(f *frame, inc, exc matched) error {
	if len(w.open) > maxDepth {
		return api.Errorf(api.ErrInvalidArgument, "%.80s: more than %d directories deep", f.path, maxDepth)
	}
	fd, err := openDir(f.dir, f.name)
	if err != nil {
		return named(f.path, err)
	}
	defer unix.Close(fd)
	names, err := w.t.entries(fd, ".", f.path)
	if err != nil {
		return named(f.path, err)
	}
	for _, n := range names {
		st, err := lstat(fd, n)
		if errors.Is(err, unix.ENOENT) {
			continue // removed meanwhile
		}
		if err != nil {
			return named(path.Join(f.path, n), err)
		}
		e := &entry{dir: fd, name: n, rel: path.Join(f.rel, n), path: path.Join(f.path, n), st: st, full: true}
		if err := w.visit(e, inc, exc); err != nil {
			return err
		}
	}
	return nil
}
