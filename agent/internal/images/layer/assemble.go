package layer

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/klauspost/compress/gzip"
	"github.com/opencontainers/go-digest"
	tarsplit "github.com/vbatts/tar-split/tar/storage"
	"golang.org/x/sys/unix"

	"github.com/caisson-dev/caisson/internal/api"
)

// Assemble opens the tar of a layer that the store has the usual way, by its digest without compression, and returns its
// size; else it returns nil. Whoever reads it compares the digest. The files must stay where they are meanwhile: the
// caller holds the store's shared lock.
func (s *Store) Assemble(diffID digest.Digest) (io.ReadCloser, int64, error) {
	layers, err := s.Storage.LayersByUncompressedDigest(diffID)
	if err != nil {
		return nil, 0, nil // no layer has it: it is a configuration
	}
	for _, l := range layers {
		dir := filepath.Join(s.Graph, "overlay", l.ID)
		if l.ReadOnly || len(l.UIDMap)+len(l.GIDMap) > 0 || exists(filepath.Join(dir, "composefs-data")) {
			continue
		}
		a, err := openAssembly(filepath.Join(s.Graph, "overlay-layers", l.ID+".tar-split.gz"), filepath.Join(dir, "diff"))
		if err == nil || !errors.Is(err, fs.ErrNotExist) {
			return a, l.UncompressedSize, err
		}
	}
	return nil, 0, nil
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}

// assembly makes the tar of a layer from its files and from what lay between them in the archive that it came in.
type assembly struct {
	root    *os.File
	split   *os.File
	entries tarsplit.Unpacker

	between []byte   // what is left of the bytes between two files
	file    *os.File // nil between files
	name    string
	left    int64 // of the file
}

func openAssembly(split, diff string) (*assembly, error) {
	f, err := os.Open(split)
	if err != nil {
		return nil, err
	}
	root, err := os.Open(diff)
	if err != nil {
		f.Close()
		return nil, err
	}
	z, err := gzip.NewReader(bufio.NewReaderSize(f, 64<<10))
	if err != nil {
		f.Close()
		root.Close()
		return nil, Damaged(fmt.Errorf("notes of a layer's archive: %w", err))
	}
	return &assembly{root: root, split: f, entries: tarsplit.NewJSONUnpacker(z)}, nil
}

func (a *assembly) Read(p []byte) (int, error) {
	for {
		switch {
		case len(a.between) > 0:
			n := copy(p, a.between)
			a.between = a.between[n:]
			return n, nil
		case a.file != nil:
			return a.readFile(p)
		}
		if err := a.next(); err != nil {
			return 0, err
		}
	}
}

func (a *assembly) readFile(p []byte) (int, error) {
	n, err := a.file.Read(p[:min(int64(len(p)), a.left)])
	if a.left -= int64(n); a.left == 0 || err != nil {
		if err = a.file.Close(); a.left > 0 {
			err = Damaged(fmt.Errorf("file %q is %d bytes too short", a.name, a.left))
		}
		a.file = nil
	}
	return n, err
}

func (a *assembly) next() error {
	e, err := a.entries.Next()
	if errors.Is(err, io.EOF) {
		return io.EOF
	}
	if err != nil {
		return Damaged(err)
	}
	if e.Type == tarsplit.SegmentType {
		a.between = e.Payload
		return nil
	}
	if e.Size == 0 {
		return nil
	}
	a.name, a.left = e.GetName(), e.Size
	// The name may lead through links that the layer has: within it, as when it was unpacked.
	fd, err := unix.Openat2(int(a.root.Fd()), strings.TrimLeft(a.name, "/"), &unix.OpenHow{
		Flags: unix.O_RDONLY | unix.O_NOFOLLOW | unix.O_NONBLOCK | unix.O_CLOEXEC, Resolve: unix.RESOLVE_IN_ROOT | unix.RESOLVE_NO_MAGICLINKS,
	})
	if err != nil {
		return Damaged(fmt.Errorf("file %q: %w", a.name, err))
	}
	a.file = os.NewFile(uintptr(fd), a.name)
	return nil
}

func (a *assembly) Close() error {
	if a.file != nil {
		_ = a.file.Close() // it was only read
	}
	return errors.Join(a.split.Close(), a.root.Close())
}

// Damaged says that what can't be read, or is read otherwise than it was written, is the store's.
func Damaged(err error) error {
	return api.Errorf(api.ErrCorrupt, "a layer in the store is damaged: %w: Check finds more, and repairs", err)
}
