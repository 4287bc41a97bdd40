//go:build linux

package overlay

import (
	"archive/tar"
	"bufio"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"hash/crc64"
	"io"
	"os"
	"path"
	"slices"
	"time"

	"github.com/opencontainers/go-digest"
	tarsplit "github.com/vbatts/tar-split/tar/storage"
	"golang.org/x/sys/unix"

	"github.com/caisson-dev/caisson/agent/internal/pack"
)

// Packed is what a layer was found to be.
type Packed struct {
	Size       int64 // of the tar
	DiffID     digest.Digest
	UIDs, GIDs []uint32 // of its files
	Entries    int      // how many files, directories and whiteouts it has
}

// PackOptions say how a layer is packed.
type PackOptions struct {
	Out   io.Writer // gets the tar; nil: nobody
	Split io.Writer // gets what is needed to make the same bytes of the files again; nil: nobody
	Epoch time.Time // no time in the tar is later; zero: they are as they are
	Touch bool      // files that are younger than Epoch get its time, too
	// Below is the root, open by O_PATH, that the layer is to lie on: what it does not have needs not be hidden, and must not,
	// since a directory of one layer alone shows its whiteouts. Nil: dirs come of a mount on top of it.
	Below *os.File
}

// Pack packs the top directories of overlay mounts as one layer: dirs has the topmost first, and what one of them hides of
// those below is not in the layer.
//
// Times are in whole seconds, as Docker writes them. A socket is in no layer.
func Pack(ctx context.Context, dirs []string, o PackOptions) (Packed, error) {
	p := &packer{
		ctx: ctx, o: o, sum: sha256.New(), crc: crc64.New(crcTable), links: map[[2]uint64]string{}, owners: map[[2]uint32]bool{},
		buf: make([]byte, 512<<10),
	}
	out := io.Writer(io.Discard)
	if o.Out != nil {
		out = o.Out
	}
	p.out = bufio.NewWriterSize(out, 256<<10)
	split := io.Writer(io.Discard)
	if o.Split != nil {
		split = o.Split
	}
	notes := bufio.NewWriterSize(split, 64<<10)
	p.notes = tarsplit.NewJSONPacker(notes)
	p.tw = tar.NewWriter(headerWriter{p})
	var at []source
	for _, d := range dirs {
		fd, err := unix.Open(d, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
		if err != nil {
			return Packed{}, &os.PathError{Op: "open", Path: d, Err: err}
		}
		at = append(at, source{fd: fd})
		defer unix.Close(fd)
	}
	if err := p.children("", at); err != nil {
		return Packed{}, err
	}
	if err := p.tw.Close(); err != nil {
		return Packed{}, err
	}
	if err := errors.Join(p.segment(), notes.Flush(), p.out.Flush()); err != nil {
		return Packed{}, err
	}
	return p.result(), nil
}

var crcTable = crc64.MakeTable(crc64.ISO) // tar-split's

// packer writes one tar.
type packer struct {
	ctx context.Context
	o   PackOptions
	tw  *tar.Writer

	out   *bufio.Writer
	sum   hash.Hash // of the tar
	size  int64
	notes tarsplit.Packer
	head  []byte // between two files' contents
	body  bool   // what the tar writer writes is a file's content
	crc   hash.Hash64

	links   map[[2]uint64]string // the first names of files with several, by device and inode
	owners  map[[2]uint32]bool
	entries int
	buf     []byte
}

func (p *packer) result() Packed {
	got := Packed{Size: p.size, DiffID: digest.NewDigest(digest.SHA256, p.sum), Entries: p.entries}
	for o := range p.owners {
		got.UIDs, got.GIDs = append(got.UIDs, o[0]), append(got.GIDs, o[1])
	}
	slices.Sort(got.UIDs)
	slices.Sort(got.GIDs)
	got.UIDs, got.GIDs = slices.Compact(got.UIDs), slices.Compact(got.GIDs)
	return got
}

// bytes takes a part of the tar.
func (p *packer) bytes(b []byte) error {
	p.sum.Write(b)
	p.size += int64(len(b))
	_, err := p.out.Write(b)
	return err
}

// headerWriter takes what the tar writer writes: headers, contents, and what fills the last block of a file up.
type headerWriter struct{ p *packer }

func (w headerWriter) Write(b []byte) (int, error) {
	if w.p.body {
		w.p.crc.Write(b)
	} else {
		w.p.head = append(w.p.head, b...)
	}
	return len(b), w.p.bytes(b)
}

// segment notes what lay before the content that comes now.
func (p *packer) segment() error {
	if len(p.head) == 0 {
		return nil
	}
	_, err := p.notes.AddEntry(tarsplit.Entry{Type: tarsplit.SegmentType, Payload: p.head})
	p.head = p.head[:0]
	return err
}

// write writes an entry; content is of a regular file.
func (p *packer) write(h *tar.Header, content int) error {
	p.entries++
	p.owners[[2]uint32{uint32(h.Uid), uint32(h.Gid)}] = true
	if err := p.tw.WriteHeader(h); err != nil {
		return fmt.Errorf("%s: %w", h.Name, err)
	}
	if err := p.segment(); err != nil {
		return err
	}
	e := tarsplit.Entry{Type: tarsplit.FileType}
	if h.Typeflag == tar.TypeReg && h.Size > 0 {
		p.crc.Reset()
		if err := p.content(h, content); err != nil {
			return fmt.Errorf("%s: %w", h.Name, err)
		}
		e.Size, e.Payload = h.Size, p.crc.Sum(nil)
	}
	e.SetName(h.Name)
	_, err := p.notes.AddEntry(e)
	return err
}

func (p *packer) content(h *tar.Header, fd int) error {
	p.body = true
	defer func() { p.body = false }()
	for left := h.Size; left > 0; {
		if p.ctx.Err() != nil {
			return context.Cause(p.ctx)
		}
		n, err := unix.Read(fd, p.buf[:min(left, int64(len(p.buf)))])
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if err != nil {
			return err
		}
		if n == 0 {
			return fmt.Errorf("it is %d bytes shorter than a moment ago", left)
		}
		if _, err := p.tw.Write(p.buf[:n]); err != nil {
			return err
		}
		left -= int64(n)
	}
	return nil
}

// header describes a file; nil for a socket.
func (p *packer) header(name string, st *unix.Stat_t) *tar.Header {
	h := pack.Header(name, st)
	if h == nil {
		return nil
	}
	h.ModTime = time.Unix(int64(st.Mtim.Sec), 0) // as Docker, whole seconds
	if !p.o.Epoch.IsZero() && h.ModTime.After(p.o.Epoch) {
		h.ModTime = p.o.Epoch.Truncate(time.Second)
	}
	return h
}

// touch gives a file that is too young the time of the epoch.
func (p *packer) touch(dir int, name string, st *unix.Stat_t) error {
	if !p.o.Touch || p.o.Epoch.IsZero() || !time.Unix(st.Mtim.Unix()).After(p.o.Epoch) {
		return nil
	}
	return touch(dir, name, p.o.Epoch)
}

const whiteout = ".wh."

// whiteoutName is the entry that says that a name is gone.
func whiteoutName(name string) string {
	dir, base := path.Split(name)
	return dir + whiteout + base
}
