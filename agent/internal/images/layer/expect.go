package layer

import (
	"errors"
	"fmt"
	"io"
	"path"
	"strings"

	"github.com/vbatts/tar-split/archive/tar"
	tarsplit "github.com/vbatts/tar-split/tar/storage"
	"go.podman.io/storage/pkg/archive"
	"golang.org/x/sys/unix"
)

// node is what a file of a layer must be like on the disk, by the layer's archive.
type node struct {
	kind     uint32           // the type, as in a file's st_mode
	children map[string]*node // of a directory
	accept   []attributes     // the file has one of them; any if there is none
	size     int64            // of a regular file
	target   string           // of a symbolic link
	device   uint64           // of a device
	opaque   answer           // whether a directory hides that of the layers below
	optional bool             // it may be missing
	names    int              // how many the file has
}

// attributes are what an entry says of a file. A hard link may say something else than its target's entry: which of both
// is on the disk depends on who unpacked the layer.
type attributes struct {
	mode     uint32 // permission bits, with set-user-id, set-group-id and sticky
	uid, gid int
	xattrs   map[string]string
}

// answer is no, yes or either.
type answer int

const (
	no answer = iota
	yes
	either
)

// maxLinks is how many symbolic links the kernel follows in one name.
const maxLinks = 40

// errNotes says that the notes of a layer's archive can't be read.
var errNotes = errors.New("the notes of its archive can't be read")

// expect reads the notes of a layer's archive and returns the root of what must be on the disk. inUserNS says that it was
// unpacked where devices can't be made. It follows what unpacking does, entry by entry, and touches no files.
func expect(split io.Reader, inUserNS bool) (*node, error) {
	root := directory()
	tr := tar.NewReader(&headers{entries: tarsplit.NewJSONUnpacker(split)})
	for {
		h, err := tr.Next()
		if errors.Is(err, io.EOF) {
			_, err = io.Copy(io.Discard, split) // to its checksum
			if err == nil {
				return root, nil
			}
		}
		if err != nil {
			return nil, fmt.Errorf("%w: %w", errNotes, err)
		}
		if h.Typeflag == tar.TypeXGlobalHeader {
			continue
		}
		if err := root.add(h, inUserNS); err != nil {
			return nil, fmt.Errorf("%.100q: %w", h.Name, err)
		}
	}
}

// headers is the archive of a layer with zeros in the place of what its files have in them.
type headers struct {
	entries tarsplit.Unpacker
	between []byte
	zeros   int64
}

func (h *headers) Read(p []byte) (int, error) {
	for len(h.between) == 0 && h.zeros <= 0 {
		e, err := h.entries.Next()
		if err != nil {
			return 0, err
		}
		if e.Type == tarsplit.SegmentType {
			h.between = e.Payload
		} else {
			h.zeros = e.Size
		}
	}
	if len(h.between) > 0 {
		n := copy(p, h.between)
		h.between = h.between[n:]
		return n, nil
	}
	n := int(min(int64(len(p)), h.zeros))
	clear(p[:n])
	h.zeros -= int64(n)
	return n, nil
}

func directory() *node { return &node{kind: unix.S_IFDIR, children: map[string]*node{}, names: 1} }

func (n *node) isWhiteout() bool { return n.kind == unix.S_IFCHR && n.device == 0 }

// add is what one entry does to the tree below the root n.
func (n *node) add(h *tar.Header, inUserNS bool) error {
	name := path.Clean("/" + h.Name)
	dir, err := n.resolve(path.Dir(name), true)
	base := path.Base(name)
	if strings.HasPrefix(base, whiteout) {
		if errors.Is(err, unix.ENOTDIR) {
			return nil // what it would hide is hidden already
		}
		if err == nil {
			dir.whiteout(base)
		}
		return err
	}
	if err != nil || name == "/" {
		return err // the root has what the driver gives it
	}
	if h.Typeflag == tar.TypeLink {
		return n.link(dir, base, name, path.Clean("/"+h.Linkname), attributesOf(h))
	}
	made, err := fileOf(h, inUserNS)
	if err != nil {
		return err
	}
	dir.put(base, made)
	return nil
}

func attributesOf(h *tar.Header) attributes {
	//lint:ignore SA1019 tar-split fills it
	return attributes{mode: uint32(h.Mode & 0o7777), uid: h.Uid, gid: h.Gid, xattrs: h.Xattrs}
}

// fileOf is the file that an entry describes.
func fileOf(h *tar.Header, inUserNS bool) (*node, error) {
	f := &node{accept: []attributes{attributesOf(h)}, names: 1}
	switch h.Typeflag {
	case tar.TypeDir:
		f.kind, f.children = unix.S_IFDIR, map[string]*node{}
	case tar.TypeReg, tar.TypeRegA:
		f.kind, f.size = unix.S_IFREG, h.Size
	case tar.TypeSymlink:
		f.kind, f.target = unix.S_IFLNK, h.Linkname
	case tar.TypeFifo:
		f.kind = unix.S_IFIFO
	case tar.TypeChar, tar.TypeBlock:
		f.kind, f.device, f.optional = unix.S_IFCHR, unix.Mkdev(uint32(h.Devmajor), uint32(h.Devminor)), inUserNS
		if h.Typeflag == tar.TypeBlock {
			f.kind = unix.S_IFBLK
		}
	default:
		return nil, fmt.Errorf("an entry of unknown type %q", h.Typeflag)
	}
	return f, nil
}

// put makes a file one of the directory. Directories are merged; everything else is replaced.
func (n *node) put(base string, f *node) {
	old := n.children[base]
	switch {
	case old == nil:
	case old.kind == unix.S_IFDIR && f.kind == unix.S_IFDIR:
		f.children, f.opaque = old.children, old.opaque
	case old.isWhiteout() && f.kind == unix.S_IFDIR:
		f.opaque = either
	}
	if old != nil {
		old.names--
	}
	n.children[base] = f
}

// whiteout is what an entry does that hides something of the layers below.
func (n *node) whiteout(base string) {
	switch {
	case base == archive.WhiteoutOpaqueDir:
		n.opaque = yes
		return
	case strings.HasPrefix(base, archive.WhiteoutMetaPrefix):
		return
	}
	name := base[len(whiteout):]
	switch old := n.children[name]; {
	case old == nil || old.optional:
		n.children[name] = &node{kind: unix.S_IFCHR, names: 1}
	case old.kind == unix.S_IFDIR:
		old.opaque = yes
	}
}

// link is what the entry of a hard link does.
func (n *node) link(dir *node, base, name, target string, a attributes) error {
	if target == name {
		return nil
	}
	from, err := n.resolve(path.Dir(target), false)
	if err != nil {
		return err
	}
	f := from.children[path.Base(target)]
	if f == nil {
		return unix.ENOENT
	}
	if f == dir.children[base] {
		return nil
	}
	if len(f.accept) > 0 {
		f.accept = append(f.accept, a)
	}
	f.names++
	dir.put(base, f)
	return nil
}

// resolve finds a directory by its name, as the kernel does for a process whose root is n: links do not lead out of it.
// With make, directories that are missing on the way are made. Nothing is known of these.
func (n *node) resolve(name string, make bool) (*node, error) {
	at, rest := []*node{n}, strings.Split(name, "/")
	for links := 0; len(rest) > 0; {
		part := rest[0]
		rest = rest[1:]
		switch part {
		case "", ".":
			continue
		case "..":
			at = at[:max(1, len(at)-1)]
			continue
		}
		dir := at[len(at)-1]
		next := dir.children[part]
		if next == nil && make {
			next = directory()
			dir.children[part] = next
		}
		switch {
		case next == nil:
			return nil, unix.ENOENT
		case next.kind == unix.S_IFDIR:
			at = append(at, next)
		case next.kind != unix.S_IFLNK:
			return nil, unix.ENOTDIR
		default:
			if links++; links > maxLinks {
				return nil, unix.ELOOP
			}
			if strings.HasPrefix(next.target, "/") {
				at = at[:1]
			}
			rest = append(strings.Split(next.target, "/"), rest...)
		}
	}
	return at[len(at)-1], nil
}
