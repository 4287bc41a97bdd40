//go:build linux

package files

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/caisson-dev/caisson/internal/atomicfile"
)

// Hashes remembers the hashes of files' contents in a file, so that a file is not read again while its device, inode, size,
// and times of change are the same. The nil Hashes remembers nothing. It only makes things faster: what can't be read or
// written is left out.
type Hashes struct {
	path   string
	frozen bool

	mu      sync.Mutex
	loaded  bool
	changed bool
	known   map[short]*known
}

// short is the first half of a SHA-256: of a path, and of what a file looked like.
type short [16]byte

type known struct {
	look short
	seen
	used bool // since the file was loaded
}

// seen is what was found in a file. Whatever changes its content or its attributes changes its look.
type seen struct {
	sum   [sha256.Size]byte
	attrs short // zero: none
}

const (
	recordSize = 16 + 16 + sha256.Size + 16
	// version is part of the checksum of a file of hashes, and changes with its form.
	version = "hashes 2"
	// maxHashes is how many files one tree's file remembers: it has 80 bytes for each.
	maxHashes = 1 << 18
	// maxTrees is how many trees are remembered.
	maxTrees = 64
	// settled is how old the last change of a file must be for its hash to be kept: another within one tick of the file
	// system's clock would look the same.
	settled = time.Second
)

// OpenHashes returns the hashes of one tree, by a key such as its directory, in a directory that is made when it is missing.
// frozen: no file of the tree ever changes, as those of a layer.
func OpenHashes(dir, key string, frozen bool) *Hashes {
	name := shorten([]byte(key))
	return &Hashes{path: filepath.Join(dir, string(hex(name[:]))), frozen: frozen}
}

func hex(b []byte) []byte {
	const digits = "0123456789abcdef"
	var out []byte
	for _, c := range b {
		out = append(out, digits[c>>4], digits[c&15])
	}
	return out
}

func shorten(b []byte) (s short) {
	sum := sha256.Sum256(b)
	copy(s[:], sum[:])
	return s
}

func now() time.Time { return time.Now() }

// look is what a file looks like from outside.
func (h *Hashes) look(st *unix.Stat_t) short {
	if h.frozen {
		return short{1}
	}
	var b [56]byte
	for i, v := range []int64{int64(st.Dev), int64(st.Ino), st.Size, int64(st.Mtim.Sec), int64(st.Mtim.Nsec), int64(st.Ctim.Sec), int64(st.Ctim.Nsec)} {
		binary.BigEndian.PutUint64(b[8*i:], uint64(v))
	}
	return shorten(b[:])
}

func (h *Hashes) get(path string, st *unix.Stat_t) (s seen, ok bool) {
	if h == nil {
		return s, false
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.load()
	k := h.known[shorten([]byte(path))]
	if k == nil || k.look != h.look(st) {
		return s, false
	}
	k.used = true
	return k.seen, true
}

// put remembers what was found in a file that was read from begin on.
func (h *Hashes) put(path string, st *unix.Stat_t, s seen, begin time.Time) {
	if h == nil || !h.frozen && begin.Sub(time.Unix(st.Ctim.Unix())) < settled {
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.load()
	h.changed = true
	h.known[shorten([]byte(path))] = &known{h.look(st), s, true}
}

// load reads the file. One that is damaged counts as empty.
func (h *Hashes) load() {
	if h.loaded {
		return
	}
	h.loaded, h.known = true, map[short]*known{}
	b, err := os.ReadFile(h.path)
	if err != nil || len(b) < sha256.Size || (len(b)-sha256.Size)%recordSize != 0 {
		return
	}
	body, sum := b[:len(b)-sha256.Size], b[len(b)-sha256.Size:]
	if want := checksum(body); !bytes.Equal(want[:], sum) {
		return
	}
	for ; len(body) > 0; body = body[recordSize:] {
		k := &known{look: short(body[16:32]), seen: seen{[sha256.Size]byte(body[32:64]), short(body[64:recordSize])}}
		h.known[short(body[:16])] = k
	}
}

func checksum(body []byte) [sha256.Size]byte {
	return sha256.Sum256(append([]byte(version), body...))
}

// save writes the file if there is something new. What was not asked for goes first when there is too much.
func (h *Hashes) save() error {
	if h == nil {
		return nil
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if !h.changed {
		return nil
	}
	h.changed = false
	var b []byte
	for _, used := range []bool{true, false} {
		for name, k := range h.known {
			if k.used != used || len(b) >= maxHashes*recordSize {
				continue
			}
			b = append(b, name[:]...)
			b = append(b, k.look[:]...)
			b = append(b, k.sum[:]...)
			b = append(b, k.attrs[:]...)
		}
	}
	sum := checksum(b)
	dir := filepath.Dir(h.path)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	prune(dir)
	return atomicfile.Write(h.path, append(b, sum[:]...), atomicfile.Options{TempDir: dir}) // other builds may write it, too
}

// prune removes the files of trees that were not written for the longest time.
func prune(dir string) {
	list, err := os.ReadDir(dir)
	if err != nil || len(list) < maxTrees {
		return
	}
	age := func(e os.DirEntry) time.Time {
		if info, err := e.Info(); err == nil {
			return info.ModTime()
		}
		return time.Time{}
	}
	slices.SortFunc(list, func(a, b os.DirEntry) int { return age(b).Compare(age(a)) })
	for _, e := range list[maxTrees-1:] {
		_ = os.Remove(filepath.Join(dir, e.Name())) // another may have been faster
	}
}
