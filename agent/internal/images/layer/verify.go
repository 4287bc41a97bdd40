package layer

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/klauspost/compress/gzip"
	"go.podman.io/storage"
	"go.podman.io/storage/pkg/archive"
	"go.podman.io/storage/pkg/unshare"
	"golang.org/x/sys/unix"
)

// maxDifferences is how many of a layer are told one by one.
const maxDifferences = 20

// Verify compares the files of a layer with the archive that they came in: names, types, sizes, modes, owners, links,
// devices, extended attributes, and what hides files of the layers below. What is in the files it does not read: a digest
// tells that. It returns what differs, and nothing for a layer whose archive is not known. oneID says that files can have no
// other owner. Nobody may change the layer meanwhile.
func (s *Store) Verify(ctx context.Context, l *storage.Layer, oneID bool) ([]string, error) {
	dir := filepath.Join(s.Graph, "overlay", l.ID)
	if l.ReadOnly || l.UncompressedDigest == "" || len(l.UIDMap)+len(l.GIDMap) > 0 || exists(filepath.Join(dir, "composefs-data")) {
		return nil, nil
	}
	f, err := os.Open(filepath.Join(s.Graph, "overlay-layers", l.ID+".tar-split.gz"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	z, err := gzip.NewReader(bufio.NewReaderSize(f, 64<<10))
	if err != nil {
		return []string{fmt.Sprintf("%v: %v", errNotes, err)}, nil
	}
	diff := filepath.Join(dir, "diff")
	if !exists(diff) {
		return []string{"its files are missing"}, nil
	}
	return Compare(ctx, z, diff, CompareOptions{OneID: oneID, InUserNS: unshare.IsRootless()})
}

// CompareOptions say what unpacking could not do.
type CompareOptions struct {
	OneID    bool // give files other owners
	InUserNS bool // make devices, and set every extended attribute
}

// Compare compares the directory that a layer was unpacked in with the notes of its archive, as Verify does.
func Compare(ctx context.Context, split io.Reader, dir string, o CompareOptions) ([]string, error) {
	root, err := expect(split, o.InUserNS)
	if errors.Is(err, errNotes) {
		return []string{err.Error()}, nil
	}
	if err != nil {
		return nil, err
	}
	c := &comparison{ctx: ctx, o: o, inodes: map[*node]uint64{}}
	err = inChroot(dir, func() error { return c.directory("/", root) })
	if c.more > 0 {
		c.found = append(c.found, fmt.Sprintf("and %d more differences", c.more))
	}
	return c.found, err
}

// comparison runs on a thread whose root is the layer's directory.
type comparison struct {
	ctx    context.Context
	o      CompareOptions
	inodes map[*node]uint64 // of files that have several names
	found  []string
	more   int // that are not told
}

func (c *comparison) differs(name, format string, args ...any) {
	if len(c.found) >= maxDifferences {
		c.more++
		return
	}
	c.found = append(c.found, fmt.Sprintf("%q: ", strings.TrimPrefix(name, "/"))+fmt.Sprintf(format, args...))
}

func (c *comparison) directory(name string, n *node) error {
	if c.ctx.Err() != nil {
		return context.Cause(c.ctx)
	}
	entries, err := os.ReadDir(name)
	if err != nil {
		c.differs(name, "it can't be read: %v", reason(err))
		return nil
	}
	seen := 0
	for _, e := range entries {
		path := filepath.Join(name, e.Name())
		child := n.children[e.Name()]
		if child == nil {
			c.differs(path, "it is not in the layer's archive")
			continue
		}
		seen++
		if err := c.file(path, child); err != nil {
			return err
		}
	}
	if seen == len(n.children) {
		return nil
	}
	here := map[string]bool{}
	for _, e := range entries {
		here[e.Name()] = true
	}
	for missing, child := range n.children {
		if !here[missing] && !child.optional {
			c.differs(filepath.Join(name, missing), "it is missing")
		}
	}
	return nil
}

// file compares one file, and what is below it.
func (c *comparison) file(name string, n *node) error {
	var st unix.Stat_t
	if err := unix.Lstat(name, &st); err != nil {
		c.differs(name, "it can't be read: %v", err)
		return nil
	}
	if kind := st.Mode & unix.S_IFMT; kind != n.kind {
		c.differs(name, "it is %s and must be %s", kindName(kind), kindName(n.kind))
		return nil
	}
	switch n.kind {
	case unix.S_IFREG:
		if st.Size != n.size {
			c.differs(name, "its size is %d and must be %d", st.Size, n.size)
		}
	case unix.S_IFLNK:
		if target, err := os.Readlink(name); err != nil || target != n.target {
			c.differs(name, "it links to %q and must link to %q", target, n.target)
		}
	case unix.S_IFCHR, unix.S_IFBLK:
		if st.Rdev != n.device {
			c.differs(name, "it is device %d:%d and must be %d:%d", unix.Major(st.Rdev), unix.Minor(st.Rdev), unix.Major(n.device), unix.Minor(n.device))
		}
	}
	if n.names > 1 {
		if first, ok := c.inodes[n]; ok && first != st.Ino {
			c.differs(name, "it must be a link to the same file as others of the layer")
		}
		c.inodes[n] = st.Ino
	}
	c.attributes(name, n, &st)
	if n.kind == unix.S_IFDIR {
		return c.directory(name, n)
	}
	return nil
}

// attributes compares owner, mode and extended attributes.
func (c *comparison) attributes(name string, n *node, st *unix.Stat_t) {
	have, err := xattrs(name)
	if err != nil {
		c.differs(name, "its extended attributes can't be read: %v", err)
		return
	}
	if n.kind == unix.S_IFDIR && n.opaque != either {
		if got := have[archive.GetOverlayXattrName("opaque")] == "y"; got != (n.opaque == yes) {
			c.differs(name, "it hides the directory of the layers below: %t, and must: %t", got, n.opaque == yes)
		}
	}
	if len(n.accept) == 0 {
		return
	}
	last := n.accept[len(n.accept)-1]
	if !c.o.OneID && !slices.ContainsFunc(n.accept, func(a attributes) bool { return uint32(a.uid) == st.Uid && uint32(a.gid) == st.Gid }) {
		c.differs(name, "its owner is %d:%d and must be %d:%d", st.Uid, st.Gid, last.uid, last.gid)
	}
	mode := st.Mode & 0o7777
	if n.kind != unix.S_IFLNK && !slices.ContainsFunc(n.accept, func(a attributes) bool { return a.sameMode(mode) }) {
		c.differs(name, "its mode is %04o and must be %04o", mode, last.mode)
	}
	var wrong string
	for _, a := range n.accept {
		if wrong = a.wrongXattr(have, func(key string) bool { return c.settable(name, key) }); wrong == "" {
			return
		}
	}
	c.differs(name, "its extended attribute %s differs", wrong)
}

// sameMode compares the mode with the entry's. An access control list changes the bits of the group.
func (a *attributes) sameMode(mode uint32) bool {
	if a.xattrs["system.posix_acl_access"] != "" {
		return a.mode&^0o070 == mode&^0o070
	}
	return a.mode == mode
}

// capability gives a program rights when it is executed.
const capability = "security.capability"

// wrongXattr returns the name of one that is not as the entry has it: it is missing where it can be set, it has another
// value, or it gives a right that the entry does not. The kernel writes labels and access control lists in its own way.
func (a *attributes) wrongXattr(have map[string]string, settable func(key string) bool) string {
	for key, want := range a.xattrs {
		if !strings.HasPrefix(key, "user.") && key != capability || strings.HasPrefix(key, "user.overlay.") {
			continue
		}
		if got, ok := have[key]; ok && got != want || !ok && settable(key) {
			return key
		}
	}
	if _, ok := a.xattrs[capability]; !ok && have[capability] != "" {
		return capability
	}
	return ""
}

// settable says whether the file could have an extended attribute that it does not have.
func (c *comparison) settable(name, key string) bool {
	if c.o.InUserNS {
		return false // unpacking passes by what the kernel does not allow there
	}
	_, err := unix.Lgetxattr(name, key, nil)
	return errors.Is(err, unix.ENODATA)
}

// xattrs reads what Verify compares of a file's extended attributes.
func xattrs(name string) (map[string]string, error) {
	size, err := unix.Llistxattr(name, nil)
	if errors.Is(err, unix.ENOTSUP) || err == nil && size == 0 {
		return nil, nil
	}
	buf := make([]byte, max(size, 0)+1024) // another may come meanwhile, such as the kernel's label
	if err == nil {
		size, err = unix.Llistxattr(name, buf)
	}
	if err != nil {
		return nil, err
	}
	out := map[string]string{}
	for key := range strings.SplitSeq(strings.TrimSuffix(string(buf[:size]), "\x00"), "\x00") {
		if !strings.HasPrefix(key, "user.") && !strings.HasPrefix(key, "trusted.overlay.") && key != capability {
			continue
		}
		value := make([]byte, 64<<10)
		n, err := unix.Lgetxattr(name, key, value)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", key, err)
		}
		out[key] = string(value[:n])
	}
	return out, nil
}

func reason(err error) error {
	if pe := (*fs.PathError)(nil); errors.As(err, &pe) {
		return pe.Err
	}
	return err
}

func kindName(kind uint32) string {
	switch kind {
	case unix.S_IFDIR:
		return "a directory"
	case unix.S_IFREG:
		return "a file"
	case unix.S_IFLNK:
		return "a symbolic link"
	case unix.S_IFCHR:
		return "a character device"
	case unix.S_IFBLK:
		return "a block device"
	case unix.S_IFIFO:
		return "a FIFO"
	}
	return "something else"
}
