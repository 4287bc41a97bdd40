//go:build linux

// Package pack writes trees of files as tar streams.
package pack

import (
	"archive/tar"
	"bufio"
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strings"
	"time"

	pathrs "github.com/cyphar/filepath-securejoin/pathrs-lite"
	"golang.org/x/sys/unix"
)

// maxDepth bounds the directories in directories that a hostile container makes the agent follow.
const maxDepth = 2048

// Packer writes files as tar. It does not use tar.FileInfoHeader, which looks users up.
type Packer struct {
	tw    *tar.Writer
	links map[[2]uint64]string // names of files with several, by device and inode
	buf   []byte
}

// Write writes what add adds to w as one stream.
func Write(w io.Writer, add func(*Packer) error) error {
	bw := bufio.NewWriterSize(w, 256<<10)
	p := To(tar.NewWriter(bw))
	err := add(p)
	if err == nil {
		err = p.tw.Close()
	}
	if err == nil {
		err = bw.Flush()
	}
	return err
}

// To packs into a stream that the caller has begun and closes.
func To(tw *tar.Writer) *Packer {
	return &Packer{tw: tw, links: map[[2]uint64]string{}, buf: make([]byte, 128<<10)}
}

// Add writes the file h, O_PATH, and all below it.
func (p *Packer) Add(h *os.File, name string) error { return p.add(h, name, 0) }

func (p *Packer) add(h *os.File, name string, depth int) error {
	st, err := Fstat(h)
	if err != nil {
		return err
	}
	hdr := Header(name, st)
	if hdr == nil {
		return nil // a socket
	}
	switch hdr.Typeflag {
	case tar.TypeDir:
		return p.addDir(h, hdr, depth)
	case tar.TypeReg:
		if st.Nlink > 1 {
			key := [2]uint64{uint64(st.Dev), st.Ino}
			if first, ok := p.links[key]; ok {
				hdr.Typeflag, hdr.Linkname, hdr.Size = tar.TypeLink, first, 0
				return p.tw.WriteHeader(hdr)
			}
			p.links[key] = name
		}
		return p.addFile(h, hdr)
	case tar.TypeSymlink:
		if hdr.Linkname, err = Readlink(h); err != nil {
			return err
		}
	}
	return p.tw.WriteHeader(hdr)
}

func (p *Packer) addFile(h *os.File, hdr *tar.Header) error {
	f, err := pathrs.Reopen(h, unix.O_RDONLY|unix.O_NONBLOCK)
	if err != nil {
		return fmt.Errorf("%s: %w", hdr.Name, Bare(err))
	}
	defer f.Close()
	readXattrs(f, hdr)
	if hdr.Size == 0 && kernels(f) {
		return p.addKernelFile(f, hdr)
	}
	if err := p.tw.WriteHeader(hdr); err != nil {
		return err
	}
	n, err := io.CopyBuffer(p.tw, onlyReader{io.LimitReader(f, hdr.Size)}, p.buf)
	if err != nil {
		return err
	}
	// It became shorter: the stream has promised its length.
	_, err = io.CopyN(p.tw, zeros{}, hdr.Size-n)
	return err
}

// addKernelFile writes a file whose length is known only when it is read.
func (p *Packer) addKernelFile(f *os.File, hdr *tar.Header) error {
	const most = 16 << 20
	b, err := io.ReadAll(io.LimitReader(f, most))
	if err != nil {
		return fmt.Errorf("%s: %w", hdr.Name, Bare(err))
	}
	hdr.Size = int64(len(b))
	if err := p.tw.WriteHeader(hdr); err != nil {
		return err
	}
	_, err = p.tw.Write(b)
	return err
}

// kernels says whether a file is of a file system that the kernel makes up: copies of trees leave out what is in one,
// as docker cp does, which does not see those of a container.
func kernels(f *os.File) bool {
	var st unix.Statfs_t
	if unix.Fstatfs(int(f.Fd()), &st) != nil {
		return false
	}
	switch st.Type {
	case unix.PROC_SUPER_MAGIC, unix.SYSFS_MAGIC, unix.CGROUP_SUPER_MAGIC, unix.CGROUP2_SUPER_MAGIC, unix.DEVPTS_SUPER_MAGIC, mqueueMagic:
		return true
	}
	return false
}

const mqueueMagic = 0x19800202 // MQUEUE_MAGIC of ipc/mqueue.c

type onlyReader struct{ io.Reader }

type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

func (p *Packer) addDir(h *os.File, hdr *tar.Header, depth int) error {
	if depth > maxDepth {
		return fmt.Errorf("%.80s…: more than %d directories deep", hdr.Name, maxDepth)
	}
	dir, err := pathrs.Reopen(h, unix.O_RDONLY|unix.O_DIRECTORY)
	if err != nil {
		return fmt.Errorf("%s: %w", hdr.Name, Bare(err))
	}
	defer dir.Close()
	readXattrs(dir, hdr)
	if err := p.tw.WriteHeader(hdr); err != nil {
		return err
	}
	if depth > 0 && kernels(dir) {
		return nil
	}
	return p.children(dir, hdr.Name, depth+1)
}

// Content writes what is in a directory, O_PATH, without the directory.
func (p *Packer) Content(root *os.File) error {
	dir, err := os.Open(fmt.Sprintf("/proc/self/fd/%d", root.Fd()))
	if err != nil {
		return err
	}
	defer dir.Close()
	return p.children(dir, "", 0)
}

// children writes what is in dir, whose name with a slash is prefix.
func (p *Packer) children(dir *os.File, prefix string, depth int) error {
	names, err := dir.Readdirnames(-1)
	if err != nil {
		return fmt.Errorf("%s: %w", cmp.Or(prefix, "."), Bare(err))
	}
	slices.Sort(names)
	for _, n := range names {
		child, err := Openat(dir, n, unix.O_PATH|unix.O_NOFOLLOW)
		if errors.Is(err, fs.ErrNotExist) {
			continue // removed meanwhile
		}
		if err != nil {
			return fmt.Errorf("%s%s: %w", prefix, n, Bare(err))
		}
		err = p.add(child, prefix+n, depth)
		child.Close()
		if err != nil {
			return err
		}
	}
	return nil
}

// Header describes a file; nil for a socket, which means nothing elsewhere.
func Header(name string, st *unix.Stat_t) *tar.Header {
	h := &tar.Header{
		Name: name, Mode: int64(st.Mode & 0o7777), Uid: int(st.Uid), Gid: int(st.Gid), ModTime: time.Unix(st.Mtim.Unix()),
		Format: tar.FormatPAX,
	}
	switch st.Mode & unix.S_IFMT {
	case unix.S_IFREG:
		h.Typeflag, h.Size = tar.TypeReg, st.Size
	case unix.S_IFDIR:
		h.Typeflag = tar.TypeDir
		h.Name = strings.TrimSuffix(name, "/") + "/"
	case unix.S_IFLNK:
		h.Typeflag = tar.TypeSymlink
	case unix.S_IFIFO:
		h.Typeflag = tar.TypeFifo
	case unix.S_IFCHR, unix.S_IFBLK:
		h.Typeflag = tar.TypeChar
		if st.Mode&unix.S_IFMT == unix.S_IFBLK {
			h.Typeflag = tar.TypeBlock
		}
		h.Devmajor, h.Devminor = int64(unix.Major(uint64(st.Rdev))), int64(unix.Minor(uint64(st.Rdev)))
	default:
		return nil
	}
	return h
}

// Fstat describes an open file, which may be O_PATH.
func Fstat(h *os.File) (*unix.Stat_t, error) {
	var st unix.Stat_t
	if err := unix.Fstat(int(h.Fd()), &st); err != nil {
		return nil, os.NewSyscallError("fstat", err)
	}
	return &st, nil
}

// FileMode is the kernel's mode in Go's bits.
func FileMode(m uint32) fs.FileMode {
	mode := fs.FileMode(m & 0o777)
	switch m & unix.S_IFMT {
	case unix.S_IFDIR:
		mode |= fs.ModeDir
	case unix.S_IFLNK:
		mode |= fs.ModeSymlink
	case unix.S_IFCHR:
		mode |= fs.ModeDevice | fs.ModeCharDevice
	case unix.S_IFBLK:
		mode |= fs.ModeDevice
	case unix.S_IFIFO:
		mode |= fs.ModeNamedPipe
	case unix.S_IFSOCK:
		mode |= fs.ModeSocket
	}
	for bit, is := range map[uint32]fs.FileMode{unix.S_ISUID: fs.ModeSetuid, unix.S_ISGID: fs.ModeSetgid, unix.S_ISVTX: fs.ModeSticky} {
		if m&bit != 0 {
			mode |= is
		}
	}
	return mode
}

// Readlink reads a link that is open by O_PATH.
func Readlink(h *os.File) (string, error) {
	buf := make([]byte, unix.PathMax)
	n, err := unix.Readlinkat(int(h.Fd()), "", buf)
	if err != nil {
		return "", os.NewSyscallError("readlinkat", err)
	}
	return string(buf[:n]), nil
}

// XattrKey is how GNU tar and bsdtar name extended attributes in PAX records.
const XattrKey = "SCHILY.xattr."

// KeepXattr: capabilities, and what users set. Others belong to this host's security modules and file systems.
func KeepXattr(name string) bool {
	return name == "security.capability" || strings.HasPrefix(name, "user.")
}

// readXattrs adds the attributes of a file; where the file system has none there are none.
func readXattrs(f *os.File, h *tar.Header) {
	size, err := unix.Flistxattr(int(f.Fd()), nil)
	if err != nil || size == 0 {
		return
	}
	list := make([]byte, size)
	if size, err = unix.Flistxattr(int(f.Fd()), list); err != nil {
		return
	}
	for _, name := range strings.Split(string(list[:size]), "\x00") {
		if !KeepXattr(name) {
			continue
		}
		value := make([]byte, 64<<10) // XATTR_SIZE_MAX
		n, err := unix.Fgetxattr(int(f.Fd()), name, value)
		if err != nil {
			continue
		}
		if h.PAXRecords == nil {
			h.PAXRecords = map[string]string{}
		}
		h.PAXRecords[XattrKey+name] = string(value[:n])
	}
}

// Bare is the number alone, without a path of the store.
func Bare(err error) error {
	var errno unix.Errno
	if errors.As(err, &errno) {
		return errno
	}
	return err
}

// Openat opens a name in a directory.
func Openat(dir *os.File, name string, flags int) (*os.File, error) {
	fd, err := unix.Openat(int(dir.Fd()), name, flags|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: name, Err: err}
	}
	return os.NewFile(uintptr(fd), name), nil
}
