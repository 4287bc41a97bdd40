package diskspace

import (
	"context"
	"io"
	"os"

	"golang.org/x/sys/unix"

	"github.com/caisson-dev/caisson/internal/api"
)

const (
	// MaxEntries is how many entries one archive or layer may have. The largest images have half a million; each takes
	// a few hundred bytes of memory until its layer is unpacked, since no name may come twice.
	MaxEntries = 2 << 20
	// maxReserve and maxInodes are what is left free of a file system that is large.
	maxReserve = 256 << 20
	maxInodes  = 10_000
	// step is how much is written, and often how many entries are made, between two looks at the file system.
	step    = 4 << 20
	often   = 256
	portion = 20 // at most one in so many is held back of a small file system
)

// Remedy is what a user can do about a full disk.
const Remedy = "free some with Prune, or put the store on a larger file system with StoreOptions.Root"

// Guard stands before writes of content that nobody vouches for. It is for one archive and one goroutine at a time.
type Guard struct {
	// Max is how many entries pass; NewGuard sets MaxEntries.
	Max int

	ctx     context.Context
	dir     *os.File
	unseen  int64 // written since the last look
	entries int
}

// NewGuard guards the file system that dir is on until Close. It keeps the directory open: the guard also works for a
// thread whose root is another.
func NewGuard(ctx context.Context, dir string) (*Guard, error) {
	f, err := os.Open(dir)
	if err != nil {
		return nil, err
	}
	return &Guard{Max: MaxEntries, ctx: ctx, dir: f}, nil
}

// Close gives the directory back.
func (g *Guard) Close() { _ = g.dir.Close() } // it was only looked at

// Grow is called before n bytes are written. It fails with api.ErrNoSpace when they would use up the reserve, and
// with the context's cause when that ended: unpacking zeros may read nothing for minutes.
func (g *Guard) Grow(n int64) error {
	if g.unseen += n; g.unseen < step {
		return nil
	}
	ahead := g.unseen
	g.unseen = 0
	return g.look(ahead)
}

// Entry is called before an entry is made, or a directory that is missing on the way to one.
func (g *Guard) Entry() error {
	if g.entries++; g.entries > g.Max {
		return api.Errorf(api.ErrCorrupt, "it has more than %d entries", g.Max)
	}
	if g.entries%often != 0 {
		return nil
	}
	return g.look(0)
}

// Look is called in the place of Grow for content that takes no room: a hole may take hours to skip.
func (g *Guard) Look() error { return g.look(0) }

func (g *Guard) look(ahead int64) error {
	if g.ctx.Err() != nil {
		return context.Cause(g.ctx)
	}
	var st unix.Statfs_t
	if err := unix.Fstatfs(int(g.dir.Fd()), &st); err != nil {
		return os.NewSyscallError("fstatfs", err)
	}
	return enough(&st, ahead)
}

func enough(st *unix.Statfs_t, ahead int64) error {
	block := uint64(st.Bsize)
	reserve := min(maxReserve, st.Blocks*block/portion)
	if free := st.Bavail * block; free < reserve || free-reserve < uint64(ahead) {
		return api.Errorf(api.ErrNoSpace, "the disk of the store is full: %d MiB are free, and %d MiB must stay free: %s", free>>20, reserve>>20, Remedy)
	}
	if st.Files > 0 && st.Ffree < min(maxInodes, st.Files/portion) {
		return api.Errorf(api.ErrNoSpace, "the file system of the store has no room for more files: %d are left", st.Ffree)
	}
	return nil
}

// Exhausted says whether the file system of dir has next to nothing left: no program can write to it.
func Exhausted(dir string) bool {
	const bytes, files = 256 << 10, 8 // what a program that fails may leave free
	var st unix.Statfs_t
	if err := unix.Statfs(dir, &st); err != nil {
		return false
	}
	return st.Bavail*uint64(st.Bsize) < bytes || st.Files > 0 && st.Ffree < files
}

// Writer guards what is written to w.
func (g *Guard) Writer(w io.Writer) io.Writer { return writer{g, w} }

type writer struct {
	g *Guard
	w io.Writer
}

func (w writer) Write(p []byte) (int, error) {
	if err := w.g.Grow(int64(len(p))); err != nil {
		return 0, err
	}
	return w.w.Write(p)
}
