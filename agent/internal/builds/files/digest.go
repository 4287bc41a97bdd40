//go:build linux

package files

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"hash"
	"path"

	"github.com/opencontainers/go-digest"
	"golang.org/x/sys/unix"

	"github.com/caisson-dev/caisson/agent/internal/filedata"
)

// Counts says what of a tree counts beside names, kinds and contents.
type Counts struct {
	NoOwners bool // the copies get another owner
	NoModes  bool // the copies get another mode
}

// Digest is the digest of exactly what Copy would take: names from what was picked on, kinds, modes, owners, targets of links,
// attributes, contents, and which files are names of one another. Times do not count. Its errors are those of Copy for
// sources.
func Digest(ctx context.Context, t *Tree, s Selection, counts Counts) (digest.Digest, error) {
	list, err := t.pick(s)
	if err != nil {
		return "", err
	}
	defer closeAll(list)
	d := &digester{ctx: ctx, t: t, counts: counts, sum: sha256.New()}
	for i := range list {
		p := &list[i]
		if p.skip {
			continue
		}
		d.links = map[[2]uint64]string{}
		d.base = p.base
		if p.isDir() && !s.Literal {
			d.base = "" // only what is in it is copied
		}
		d.text("pick", d.base, p.pattern)
		if err := t.walk(ctx, p, s.Exclude, d); err != nil {
			return "", err
		}
	}
	return digest.NewDigest(digest.SHA256, d.sum), nil
}

// digester is a sink that hashes.
type digester struct {
	ctx    context.Context
	t      *Tree
	counts Counts
	sum    hash.Hash
	base   string
	links  map[[2]uint64]string
	buf    []byte
}

// text hashes strings so that no two lists hash alike.
func (d *digester) text(parts ...string) {
	var n [8]byte
	for _, p := range parts {
		binary.BigEndian.PutUint64(n[:], uint64(len(p)))
		d.sum.Write(n[:])
		d.sum.Write([]byte(p))
	}
}

func (d *digester) numbers(list ...uint64) {
	var n [8]byte
	for _, v := range list {
		binary.BigEndian.PutUint64(n[:], v)
		d.sum.Write(n[:])
	}
}

// head hashes what all kinds of files have.
func (d *digester) head(what string, e *entry, st *unix.Stat_t) {
	d.text(what, path.Join(d.base, e.rel))
	mode := uint64(st.Mode & 0o7777)
	if d.counts.NoModes {
		mode = 0
	}
	if kind(st) == unix.S_IFLNK {
		mode = 0
	}
	uid, gid := uint64(st.Uid), uint64(st.Gid)
	if d.counts.NoOwners || d.t.rootOwned {
		uid, gid = 0, 0
	}
	d.numbers(uint64(kind(st)), mode, uid, gid)
}

// attrsOf hashes attributes; zero is none.
func attrsOf(list []xattr) short {
	if len(list) == 0 {
		return short{}
	}
	d := &digester{sum: sha256.New()}
	for _, x := range list {
		d.text(x.name, string(x.value))
	}
	return short(d.sum.Sum(nil)[:16])
}

func (d *digester) enter(e *entry) error {
	if e.rel == "" && d.base == "" {
		return nil // the directory that its content goes to is as it is
	}
	fd, err := openDir(e.dir, e.name)
	if err != nil {
		return named(e.path, err)
	}
	defer unix.Close(fd)
	list, err := xattrsOf(fdPath(fd))
	if err != nil {
		return named(e.path, err)
	}
	d.head("dir", e, e.st)
	attrs := attrsOf(list)
	d.sum.Write(attrs[:])
	return nil
}

func (d *digester) leave(*entry) error { return nil }

func (d *digester) leaf(e *entry) error {
	switch kind(e.st) {
	case unix.S_IFREG:
		return d.file(e)
	case unix.S_IFLNK:
		target, err := readlink(e.dir, e.name)
		if err != nil {
			return named(e.path, err)
		}
		d.head("link", e, e.st)
		d.text(target)
		return nil
	}
	d.head("node", e, e.st)
	d.numbers(uint64(e.st.Rdev))
	return nil
}

func (d *digester) file(e *entry) error {
	if e.st.Nlink > 1 {
		key := [2]uint64{uint64(e.st.Dev), e.st.Ino}
		if first, known := d.links[key]; known {
			d.text("again", path.Join(d.base, e.rel), first)
			return nil
		}
		d.links[key] = e.rel
	}
	found, st, err := d.content(e)
	if err != nil {
		return named(e.path, err)
	}
	d.head("file", e, st)
	d.sum.Write(found.attrs[:])
	d.sum.Write(found.sum[:])
	return nil
}

// content is what is found in a file, and what the file is like that it was found in.
func (d *digester) content(e *entry) (s seen, st *unix.Stat_t, err error) {
	if s, known := d.t.hashes.get(e.path, e.st); known {
		return s, e.st, nil
	}
	fd, st, err := openFile(e.dir, e.name)
	if err != nil {
		return s, nil, err
	}
	defer unix.Close(fd)
	begin := now()
	list, err := xattrsOf(fdPath(fd))
	if err != nil {
		return s, nil, err
	}
	s.attrs = attrsOf(list)
	h := sha256.New()
	if d.buf == nil {
		d.buf = make([]byte, 256<<10)
	}
	for {
		if d.ctx.Err() != nil {
			return s, nil, context.Cause(d.ctx)
		}
		n, err := filedata.ReadFull(fd, d.buf)
		if err != nil {
			return s, nil, err
		}
		if n == 0 {
			break
		}
		h.Write(d.buf[:n])
	}
	h.Sum(s.sum[:0])
	d.t.hashes.put(e.path, st, s, begin)
	return s, st, nil
}
