package diskspace

import (
	"io/fs"
	"path/filepath"
	"syscall"
)

// Usage sums the sizes of what is below dir, in bytes, as far as it can be read. A file that has several names there
// counts once; directories do not count.
func Usage(dir string) int64 {
	type inode struct{ dev, ino uint64 }
	var n int64
	seen := map[inode]bool{}
	_ = filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return nil // what can't be read has no size
		}
		info, err := d.Info()
		if err != nil {
			return nil // as above
		}
		if st, ok := info.Sys().(*syscall.Stat_t); ok && st.Nlink > 1 {
			i := inode{st.Dev, st.Ino}
			if seen[i] {
				return nil
			}
			seen[i] = true
		}
		n += info.Size()
		return nil
	})
	return n
}
