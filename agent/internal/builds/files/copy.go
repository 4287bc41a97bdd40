//go:build linux

package files

import (
	"context"
	"errors"
	"math"
	"os"
	"path"

	"golang.org/x/sys/unix"

	"github.com/caisson-dev/caisson/agent/internal/diskspace"
	"github.com/caisson-dev/caisson/agent/internal/filedata"
	"github.com/caisson-dev/caisson/internal/api"
)

// To says where copies go and what becomes of them.
type To struct {
	Dest   string // as a Dockerfile has it: a slash at its end says that it is a directory
	Dir    string // that Dest is relative to; empty is /
	Owner  string // --chown; empty: as in the tree
	Mode   string // --chmod; empty: as in the tree
	Unpack bool   // archives are unpacked
	UserNS bool   // this process is root of a user namespace: the archive's devices are left out
	OneID  bool   // which has one id alone: all that is unpacked is root's
}

// Copy copies what a selection names below the directory root, in the way of BuildKit.
//
// Errors: MissingError for a source that is not there; api.ErrInvalidArgument for an owner, a mode or a pattern that is not
// valid, and for a directory and a file in each other's place; api.ErrNoSpace; api.ErrUnsupported for an owner that this
// user's containers can't have; the cause of ctx.
func Copy(ctx context.Context, root *os.File, t *Tree, s Selection, to To) error {
	c, err := newCopier(ctx, root, t, s, to)
	if err != nil {
		return err
	}
	defer c.data.Guard.Close()
	list, err := t.pick(s)
	if err != nil {
		return err
	}
	defer closeAll(list)
	for i := range list {
		if list[i].skip {
			continue
		}
		if err := c.copy(&list[i]); err != nil {
			return err
		}
	}
	return nil
}

// copier copies into one root.
type copier struct {
	ctx   context.Context
	t     *Tree
	s     Selection
	to    To
	root  int
	data  *filedata.Copier
	dest  string
	owner *Owner
	perms *perms

	links map[[2]uint64]string // files with several names, by device and inode: their first copy
	at    place                // of the copy of what was picked
	open  []*target            // the directories on the way down
}

// target is a directory that is copied to.
type target struct {
	parent int
	name   string // in parent
	fd     int
	path   string
	made   bool
}

func newCopier(ctx context.Context, root *os.File, t *Tree, s Selection, to To) (*copier, error) {
	c := &copier{ctx: ctx, t: t, s: s, to: to, root: int(root.Fd()), dest: destination(to.Dir, to.Dest)}
	var err error
	if c.perms, err = parseMode(to.Mode); err != nil {
		return nil, err
	}
	if to.Owner != "" {
		o, err := FindOwner(root, to.Owner)
		if err != nil {
			return nil, err
		}
		c.owner = &o
	}
	guard, err := diskspace.NewGuard(ctx, fdPath(c.root))
	if err != nil {
		return nil, err
	}
	guard.Max = math.MaxInt // they are the user's
	c.data = &filedata.Copier{Guard: guard}
	return c, nil
}

// mkdir makes a directory on the way to the destination.
func (c *copier) mkdir(dir int, name string) error { return mkdir(dir, name, c.perms.dirs(), c.owner) }

func mkdir(dir int, name string, mode uint32, owner *Owner) error {
	if err := unix.Mkdirat(dir, name, mode); err != nil {
		return err
	}
	if err := unix.Fchmodat(dir, name, mode, 0); err != nil { // whatever the umask is
		return err
	}
	if owner == nil {
		return nil
	}
	return chown(dir, name, *owner)
}

// copy copies one thing that was picked.
func (c *copier) copy(p *picked) (err error) {
	if c.to.Unpack && !p.isDir() {
		if done, err := c.unpack(p); done || err != nil {
			return err
		}
	}
	if c.at, err = c.place(p); err != nil {
		return c.blame(err)
	}
	defer c.at.close()
	c.links, c.open = map[[2]uint64]string{}, nil
	defer func() {
		for _, t := range c.open {
			unix.Close(t.fd)
		}
	}()
	return c.t.walk(c.ctx, p, c.s.Exclude, c)
}

// blame says of errors of the destination what they are.
func (c *copier) blame(err error) error {
	if errors.Is(err, unix.ENOTDIR) || errors.Is(err, unix.ELOOP) || errors.Is(err, unix.ENAMETOOLONG) {
		return api.Errorf(api.ErrInvalidArgument, "destination %s: %w", c.dest, err)
	}
	if errors.Is(err, unix.ENOSPC) || errors.Is(err, unix.EDQUOT) {
		return noSpace(c.dest, err)
	}
	return err
}

// place finds where the copy of what was picked goes, and makes the directories on the way.
func (c *copier) place(p *picked) (place, error) {
	above, err := resolve(c.root, parentOf(c.dest), way{follow: true, make: c.mkdir})
	if err != nil {
		return place{}, err
	}
	above.close()
	at, err := resolve(c.root, c.dest, way{follow: true, make: c.mkdir, tail: true})
	if err != nil {
		return place{}, err
	}
	switch {
	case p.isDir() && at.st == nil && !c.s.Literal:
		at.close()
		return resolve(c.root, c.dest, way{follow: true, make: c.mkdir})
	case !p.isDir() && at.isDir():
		defer at.close()
		return below(at, p.base)
	}
	return at, nil
}

// below is the place of a name in the directory at.
func below(at place, name string) (p place, err error) {
	p = place{name: name, path: path.Join(at.path, name)}
	if p.dir, err = openDir(at.dir, at.name); err != nil {
		return p, err
	}
	if p.st, err = lstat(p.dir, name); errors.Is(err, unix.ENOENT) {
		p.st, err = nil, nil
	}
	if err != nil {
		p.close()
	}
	return p, err
}

// where is the directory, and the name in it, of an entry's copy.
func (c *copier) where(e *entry) (dir int, name, full string) {
	if e.rel == "" {
		return c.at.dir, c.at.name, c.at.path
	}
	t := c.open[len(c.open)-1]
	return t.fd, e.name, path.Join(t.path, e.name)
}

func (c *copier) enter(e *entry) error {
	dir, name, full := c.where(e)
	t := &target{parent: dir, name: name, path: full}
	have, err := lstat(dir, name)
	switch {
	case errors.Is(err, unix.ENOENT):
		t.made = true
		err = unix.Mkdirat(dir, name, 0o700)
	case err == nil && kind(have) != unix.S_IFDIR:
		return api.Errorf(api.ErrInvalidArgument, "cannot copy the directory %s to /%s, which is not a directory", path.Join("/", e.path), full)
	}
	if err == nil {
		t.fd, err = unix.Openat(dir, name, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	}
	if err != nil {
		return failed(full, err)
	}
	c.open = append(c.open, t)
	return nil
}

// leave gives a directory what its source has, now that nothing more is written into it. One that was there before, and was
// named itself, only gets the times of its source: BuildKit restores them so.
func (c *copier) leave(e *entry) error {
	t := c.open[len(c.open)-1]
	c.open = c.open[:len(c.open)-1]
	defer unix.Close(t.fd)
	if t.made || e.rel != "" && e.full {
		fd, err := openDir(e.dir, e.name)
		if err != nil {
			return named(e.path, err)
		}
		list, err := xattrsOf(fdPath(fd))
		unix.Close(fd)
		if err != nil {
			return named(e.path, err)
		}
		if err := c.attributes(t.fd, e.st, list); err != nil {
			return failed(t.path, err)
		}
	} else if e.rel != "" {
		return nil
	}
	return failed(t.path, setTimes(t.parent, t.name, times(e.st)))
}

// attributes sets owner, mode and attributes, in this order: each takes away from what is set after it.
func (c *copier) attributes(fd int, st *unix.Stat_t, list []xattr) error {
	if err := c.chownFD(fd, st); err != nil {
		return err
	}
	if err := unix.Fchmod(fd, c.perms.apply(st.Mode)); err != nil {
		return err
	}
	return setXattrs(fdPath(fd), list)
}

// ownerOf is whose the copy of a file becomes.
func (c *copier) ownerOf(st *unix.Stat_t) Owner {
	switch {
	case c.owner != nil:
		return *c.owner
	case c.t.rootOwned:
		return Owner{}
	}
	return Owner{int(st.Uid), int(st.Gid)}
}

func (c *copier) chownFD(fd int, st *unix.Stat_t) error {
	o := c.ownerOf(st)
	err := unix.Fchown(fd, o.UID, o.GID)
	if err != nil {
		return chown(unix.AT_FDCWD, fdPath(fd), o) // for its message
	}
	return nil
}

func (c *copier) leaf(e *entry) error {
	dir, name, full := c.where(e)
	have, err := lstat(dir, name)
	if err == nil && kind(have) == unix.S_IFDIR {
		return api.Errorf(api.ErrInvalidArgument, "cannot replace the directory /%s with the file %s", full, path.Join("/", e.path))
	}
	if err == nil {
		err = unix.Unlinkat(dir, name, 0)
	}
	if err != nil && !errors.Is(err, unix.ENOENT) {
		return failed(full, err)
	}
	switch kind(e.st) {
	case unix.S_IFREG:
		return c.file(e, dir, name, full)
	case unix.S_IFLNK:
		err = c.symlink(e, dir, name)
	default:
		err = c.node(e, dir, name)
	}
	return failed(full, err)
}
