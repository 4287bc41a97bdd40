package layer

import (
	"bufio"
	"errors"
	"fmt"
	"hash/crc64"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/opencontainers/go-digest"
	"github.com/vbatts/tar-split/archive/tar"
	"github.com/vbatts/tar-split/tar/storage"
	"go.podman.io/storage/pkg/archive"
	"golang.org/x/sys/unix"

	"github.com/caisson-dev/caisson/agent/internal/diskspace"
	"github.com/caisson-dev/caisson/agent/internal/thread"
	"github.com/caisson-dev/caisson/agent/internal/untar"
	"github.com/caisson-dev/caisson/internal/api"
)

// unpack writes a layer's entries into the root of the thread that it runs on.
type unpack struct {
	options *archive.TarOptions
	owners  map[[2]int]bool
	dirs    []dirTimes
	buf     []byte
	guard   *diskspace.Guard
	noted   int64    // how many bytes packing it again gives
	fds     *os.File // of /proc: the thread's root has none

	at, real string // the last directory that an entry went to, and its name without links
}

type dirTimes struct {
	name  string
	times []unix.Timespec
}

// Unpacked is what a layer was found to be.
type Unpacked struct {
	Size       int64         // without compression
	DiffID     digest.Digest // without compression
	UIDs, GIDs []uint32      // of its files
}

// Unpack unpacks a layer, a tar compressed as untar.Plain takes it, into dest, and writes to split what is needed to make
// the same bytes of the files again.
//
// Errors: api.ErrCorrupt for what is broken, hostile or has more entries than guard lets pass; ErrNoSpace; those of in.
func Unpack(guard *diskspace.Guard, dest string, in *bufio.Reader, split io.Writer, o *archive.TarOptions) (Unpacked, error) {
	plain, done, err := untar.Plain(in)
	if err != nil {
		return Unpacked{}, err
	}
	defer done()
	u := &unpack{options: o, owners: map[[2]int]bool{}, guard: guard}
	if u.fds, err = os.Open("/proc/self/fd"); err != nil {
		return Unpacked{}, err
	}
	defer u.fds.Close()
	sum := digest.Canonical.Digester()
	count := &counter{r: io.TeeReader(plain, sum.Hash())}
	sw := bufio.NewWriterSize(guard.Writer(split), 64<<10)
	err = inChroot(dest, func() error { return u.all(bufio.NewReaderSize(count, 256<<10), storage.NewJSONPacker(sw)) })
	if err == nil && u.noted != count.n {
		err = api.Errorf(api.ErrCorrupt, "tar: it ends within an entry, or has bytes that belong to none: it can't be packed again as it is")
	}
	if err == nil {
		err = sw.Flush()
	}
	got := Unpacked{Size: count.n, DiffID: sum.Digest()}
	got.UIDs, got.GIDs = u.ids()
	return got, err
}

type counter struct {
	r io.Reader
	n int64
}

func (c *counter) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += int64(n)
	return n, err
}

// inChroot runs f with dir as root: whatever names and links an archive has, they lead nowhere else. Only the thread's
// own root changes, and the thread ends with f.
func inChroot(dir string, f func() error) error {
	return thread.RunApart(func() error {
		if err := unix.Chroot(dir); err != nil {
			return os.NewSyscallError("chroot", err)
		}
		if err := unix.Chdir("/"); err != nil {
			return os.NewSyscallError("chdir", err)
		}
		unix.Umask(0)
		return f()
	})
}

var crcTable = crc64.MakeTable(crc64.ISO) // tar-split's

// all unpacks the stream and tells the packer what is needed to make the same bytes of the files again.
func (u *unpack) all(r io.Reader, pk storage.Packer) error {
	u.buf = make([]byte, 256<<10)
	headers := &headerLimit{r: r}
	tr := tar.NewReader(headers)
	tr.RawAccounting = true
	segment := func(b []byte) error {
		if len(b) == 0 {
			return nil
		}
		u.noted += int64(len(b))
		_, err := pk.AddEntry(storage.Entry{Type: storage.SegmentType, Payload: b})
		return err
	}
	for {
		headers.left = maxHeader
		h, err := tr.Next()
		headers.left = -1
		if errors.Is(err, io.EOF) {
			if err := segment(tr.RawBytes()); err != nil {
				return err
			}
			break
		}
		if err != nil {
			return api.Errorf(api.ErrCorrupt, "tar: %w", err)
		}
		if err := segment(tr.RawBytes()); err != nil {
			return err
		}
		if err := u.next(h, tr, pk); err != nil {
			return err
		}
		if err := segment(tr.RawBytes()); err != nil {
			return err
		}
	}
	if err := u.rest(r, segment); err != nil {
		return err
	}
	for _, d := range slices.Backward(u.dirs) {
		if err := unix.UtimesNanoAt(unix.AT_FDCWD, d.name, d.times, unix.AT_SYMLINK_NOFOLLOW); err != nil && !errors.Is(err, unix.ENOENT) {
			return err
		}
	}
	return nil
}

// next unpacks one entry, and notes where its content is to be found again.
func (u *unpack) next(h *tar.Header, r io.Reader, pk storage.Packer) error {
	if err := u.guard.Entry(); err != nil {
		return err
	}
	if len(h.Name) > maxName {
		return api.Errorf(api.ErrCorrupt, "tar: an entry's name has %d bytes", len(h.Name))
	}
	if h.Typeflag == tar.TypeXGlobalHeader {
		return nil
	}
	name, sum, err := u.entry(h, r)
	if err != nil {
		return fmt.Errorf("tar: %.100q: %w", h.Name, err)
	}
	e := storage.Entry{Type: storage.FileType, Payload: sum}
	if sum != nil { // else there is nothing to be read, whatever size the header has
		e.Size = h.Size
		u.noted += h.Size
	}
	e.SetName(strings.TrimPrefix(name, "/"))
	_, err = pk.AddEntry(e)
	return err
}

// maxHeader is how much may lie between the contents of two entries: headers, each of them up to 1 MiB, and the content
// of entries that are not files. The reader keeps all of it in memory.
const maxHeader = 8 << 20

// maxName is the longest name that the kernel takes.
const maxName = unix.PathMax - 1

// headerLimit fails when more than left bytes are read; with left below 0 it does not count.
type headerLimit struct {
	r    io.Reader
	left int64
}

func (l *headerLimit) Read(p []byte) (int, error) {
	if l.left < 0 {
		return l.r.Read(p)
	}
	if l.left == 0 {
		return 0, api.Errorf(api.ErrCorrupt, "an entry has more than %d MiB of headers", maxHeader>>20)
	}
	n, err := l.r.Read(p[:min(int64(len(p)), l.left)])
	l.left -= int64(n)
	return n, err
}

// rest is what follows the archive's end: padding, as a rule.
func (u *unpack) rest(r io.Reader, segment func([]byte) error) error {
	for {
		n, err := r.Read(u.buf)
		if serr := segment(u.buf[:n]); serr != nil {
			return serr
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}
