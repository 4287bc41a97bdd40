package diskspace

import (
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"
)

const (
	// most is the largest reserve, in bytes, and share says how much of a small file system it is at most: one in so many.
	// To remove an image or a container rewrites lists of a few hundred bytes for each that the store has.
	most  = 8 << 20
	share = 32
	// files are in the reserve so that inodes are free after it.
	files = 64
)

// Reserve is room on a file system that is kept for those who free more: to open a store and to remove something from it
// needs some, and a container may have filled the disk. All processes of a store share one.
type Reserve struct{ dir string }

// NewReserve returns the reserve that is, or will be, the directory dir.
func NewReserve(dir string) *Reserve { return &Reserve{dir} }

// Keep makes the reserve, or as much of it as leaves a quarter of what is free to others, unless it is there already. What
// can't be made is no error: the next one tries again.
func (r *Reserve) Keep() {
	st, err := statfs(filepath.Dir(r.dir))
	if err != nil {
		return
	}
	var have int64
	if info, err := os.Stat(r.space()); err == nil {
		have = info.Size()
	}
	want := min(size(st), (int64(st.Bavail)*st.Bsize+have)/4*3)
	if have >= want-want/8 { // what others write meanwhile moves it a little
		return
	}
	inodes := 0
	if st.Files > 0 { // else the file system makes them as they are needed
		inodes = int(min(files, st.Ffree/4*3))
	}
	_ = r.fill(want, inodes) // a part of it is better than none
}

func (r *Reserve) space() string { return filepath.Join(r.dir, "space") }

func (r *Reserve) fill(size int64, inodes int) error {
	if err := os.MkdirAll(r.dir, 0o700); err != nil {
		return err
	}
	f, err := os.OpenFile(r.space(), os.O_WRONLY|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	err = unix.Fallocate(int(f.Fd()), 0, 0, size)
	if errors.Is(err, unix.EOPNOTSUPP) {
		_, err = f.Write(make([]byte, size))
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	for i := range inodes {
		f, err := os.OpenFile(filepath.Join(r.dir, strconv.Itoa(i)), os.O_WRONLY|os.O_CREATE, 0o600)
		if err != nil {
			return err
		}
		f.Close()
	}
	return nil
}

// Use gives the reserve up when less than that is free. It is called before something that frees more.
func (r *Reserve) Use() {
	if st, err := statfs(filepath.Dir(r.dir)); err == nil && !enoughFor(st) {
		r.Release()
	}
}

// Release gives the reserve up.
func (r *Reserve) Release() { _ = os.RemoveAll(r.dir) } // then it fails for the lack of room, and says so

// IsFull says whether an error is that of a file system, or of a user's quota, that has no room.
func IsFull(err error) bool { return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) }

func statfs(dir string) (*unix.Statfs_t, error) {
	var st unix.Statfs_t
	return &st, unix.Statfs(dir, &st)
}

func size(st *unix.Statfs_t) int64 { return int64(min(most, st.Blocks*uint64(st.Bsize)/share)) }

// enoughFor says whether there is as much room as the reserve would give.
func enoughFor(st *unix.Statfs_t) bool {
	return int64(st.Bavail)*st.Bsize >= size(st) && (st.Files == 0 || st.Ffree >= files)
}
