//go:build linux

package work

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"

	"github.com/opencontainers/go-digest"
	"golang.org/x/sys/unix"

	"github.com/caisson-dev/caisson/agent/internal/builds/files"
	"github.com/caisson-dev/caisson/agent/internal/builds/overlay"
	"github.com/caisson-dev/caisson/agent/internal/names"
	"github.com/caisson-dev/caisson/internal/api"
)

// Copy says what COPY or ADD copies, and where to. An instruction with sources of several kinds is several of them.
type Copy struct {
	Source *Source
	// Paths are below the source, as in the Dockerfile, with wildcards. Of sources that are no directory tree, such as a
	// download, nil is all there is.
	Paths   []string
	Dest    string // a slash at its end says that it is a directory
	Dir     string // the working directory, which Dest is relative to; "" is /
	Owner   string // --chown; "" is the source's
	Mode    string // --chmod; "" is the source's
	Parents bool
	Exclude []string
	Unpack  bool // archives are unpacked
}

func (c *Copy) selection() files.Selection {
	s := files.Selection{Paths: c.Paths, Parents: c.Parents, Exclude: c.Exclude, Literal: c.Source.literal}
	if s.Literal && s.Paths == nil {
		s.Paths = []string{c.Source.name}
	}
	return s
}

// CheckOwner says what is wrong with a value of --chown, as far as it can be said without the image.
func CheckOwner(s string) error { return files.CheckOwner(s) }

// CheckMode says what is wrong with a value of --chmod.
func CheckMode(s string) error { return files.CheckMode(s) }

// Source is what files are copied from, or mounted from.
type Source struct {
	w       *Worker
	tree    *files.Tree
	dir     string        // where the tree is
	name    string        // of the one file that it has, or the directory
	literal bool          // names are taken as they are
	fixed   digest.Digest // what Digest says, where contents are no use
	key     string        // of a layer: what a cache that begins with it is known by
	steady  bool          // nobody changes it, and it shows all of the tree as it is: mounts may show the directory itself
	closer  *closer

	mu     sync.Mutex
	copies map[string]string // for mounts, by path
}

// Name is what a source that is no directory tree calls what it has.
func (s *Source) Name() string { return s.name }

// Close lets the source go. Steps that have it mounted must be over.
func (s *Source) Close() error { return s.w.closeOne(s.closer) }

// newSource opens the tree of a directory.
func (w *Worker) newSource(s *Source, o files.TreeOptions, done func() error) (*Source, error) {
	tree, err := files.OpenTree(s.dir, o)
	if err != nil {
		return nil, errors.Join(err, done())
	}
	s.w, s.tree, s.copies = w, tree, map[string]string{}
	s.closer = w.onClose(func() error { return errors.Join(tree.Close(), done()) })
	return s, nil
}

func nothing() error { return nil }

// MissingError says that a path is not in a source, or left out of it. It matches fs.ErrNotExist.
type MissingError = files.MissingError

// ContextOptions say what a context shows.
type ContextOptions struct {
	Ignore []string // the lines of .dockerignore, parsed: what they leave out is not there
	// Lasting is set for a directory of the user's, whose files' hashes are worth remembering, and not for one that this
	// build has made.
	Lasting bool
}

// Context is the files of a directory. They are root's for steps, as in Docker.
//
// Errors: api.ErrInvalidArgument when it is not a directory.
func (w *Worker) Context(dir string, o ContextOptions) (*Source, error) {
	ignore, err := files.NewIgnore(o.Ignore)
	if err != nil {
		return nil, err
	}
	t := files.TreeOptions{Ignore: ignore, RootOwned: true}
	if o.Lasting {
		t.Hashes = w.hashes("context "+dir, false)
	}
	s, err := w.newSource(&Source{dir: dir}, t, nothing)
	if err != nil {
		return nil, api.Errorf(api.ErrInvalidArgument, "context %s: %w: name a directory that exists", dir, err)
	}
	return s, nil
}

// hashes are those of one tree, in the store's cache.
func (w *Worker) hashes(key string, frozen bool) *files.Hashes {
	return files.OpenHashes(filepath.Join(w.s.Images.Layout().Cache(), "hashes"), key, frozen)
}

// Layer is the files of a layer and those below it. "" has none.
//
// Errors: api.ErrNotFound when there is no such layer.
func (w *Worker) Layer(ctx context.Context, id string) (*Source, error) {
	if err := ctx.Err(); err != nil {
		return nil, context.Cause(ctx)
	}
	dir, err := w.temp("layer")
	if err != nil {
		return nil, err
	}
	at, done, err := w.mountLayer(dir, id)
	if err != nil {
		return nil, errors.Join(err, removeAll(dir))
	}
	return w.newSource(&Source{dir: at, steady: true, key: id}, files.TreeOptions{Hashes: w.hashes("layer "+id, true)}, func() error {
		return errors.Join(done(), removeAll(dir))
	})
}

// mountLayer mounts a layer read-only below dir, or has the storage driver do it.
func (w *Worker) mountLayer(dir, id string) (at string, done func() error, err error) {
	at, empty := filepath.Join(dir, "merged"), filepath.Join(dir, "empty")
	for _, d := range []string{at, empty} {
		if err := os.Mkdir(d, 0o755); err != nil {
			return "", nil, err
		}
	}
	if id == "" {
		return empty, nothing, nil
	}
	st := w.s.Images.Storage()
	if _, err := st.Layer(id); err != nil {
		return "", nil, api.Errorf(api.ErrNotFound, "layer %s: %w", names.Short(id), err)
	}
	lower, ok, err := w.s.lowers(id)
	if err != nil {
		return "", nil, err
	}
	if ok && !w.s.slow {
		m := &overlay.Mount{Lower: append(lower, empty), UserXattr: w.s.Host.Rootless}
		if err = m.At(at); err == nil {
			return at, func() error { return overlay.Unmount(at) }, nil
		}
		if !errors.Is(err, overlay.ErrUnsupported) {
			return "", nil, err
		}
	}
	l, err := st.CreateLayer("", id, nil, "", true, nil) // of its own: a mount of the layer itself could be another's to end
	if err != nil {
		return "", nil, err
	}
	done = func() error {
		_, err := st.Unmount(l.ID, true)
		return errors.Join(err, st.DeleteLayer(l.ID))
	}
	if at, err = st.Mount(l.ID, ""); err != nil {
		return "", nil, errors.Join(err, done())
	}
	return at, done, nil
}

// Inline is one file, as a here-document makes it.
func (w *Worker) Inline(name string, data []byte, mode uint32) (*Source, error) {
	base := filepath.Base(name)
	if base == "." || base == "/" || base == ".." || strings.ContainsRune(name, 0) {
		return nil, api.Errorf(api.ErrInvalidArgument, "here-document %q: it is not a name of a file", name)
	}
	dir, err := w.temp("inline")
	if err != nil {
		return nil, err
	}
	done := func() error { return removeAll(dir) }
	file := filepath.Join(dir, base)
	if err := os.WriteFile(file, data, 0o600); err != nil {
		return nil, errors.Join(err, done())
	}
	if err := unix.Chmod(file, mode); err != nil {
		return nil, errors.Join(err, done())
	}
	return w.newSource(&Source{dir: dir, name: base, literal: true}, files.TreeOptions{RootOwned: true}, done)
}

// Digest is the digest of exactly what Copy would take: names below what Paths name, kinds, modes, owners, targets of links,
// attributes and contents; never times. It does not count what c says beside Paths, Parents and Exclude, but leaves out owners
// and modes that the copies don't have.
//
// Errors: those of Copy for its sources.
func (s *Source) Digest(ctx context.Context, c Copy) (digest.Digest, error) {
	if s.fixed != "" {
		return s.fixed, nil
	}
	c.Source = s
	_, err := strconv.ParseUint(c.Mode, 8, 32)
	return files.Digest(ctx, s.tree, c.selection(), files.Counts{NoOwners: c.Owner != "", NoModes: err == nil && !c.Unpack})
}

// mount is where a path of the source can be mounted from, and whether it is a directory. Of a context that is a copy, with
// what it shows and as it shows it.
func (s *Source) mount(ctx context.Context, path string) (where string, dir bool, err error) {
	if where, dir, err = s.tree.Path(path); err != nil || s.steady {
		return where, dir, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if at, have := s.copies[path]; have {
		return at, dir, nil
	}
	base, err := s.w.temp("mount")
	if err != nil {
		return "", false, err
	}
	if err := os.Chmod(base, 0o755); err != nil {
		return "", false, err
	}
	to := files.To{Dest: "/"}
	if where = base; !dir {
		to.Dest, where = "/file", filepath.Join(base, "file")
	}
	root, err := os.Open(base)
	if err != nil {
		return "", false, err
	}
	defer root.Close()
	if err := files.Copy(ctx, root, s.tree, files.Selection{Paths: []string{path}, Literal: true}, to); err != nil {
		return "", false, errors.Join(err, removeAll(base))
	}
	s.copies[path] = where
	return where, dir, nil
}
