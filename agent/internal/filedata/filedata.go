//go:build linux

// Package filedata copies the content of files in the cheapest way that two file systems have: shared blocks, a copy in the
// kernel, or by hand; holes stay holes.
//
// It reads and writes the descriptors that it is given, and knows no names. It is told how much room the disk must keep.
package filedata

import (
	"errors"
	"io"

	"golang.org/x/sys/unix"

	"github.com/caisson-dev/caisson/agent/internal/diskspace"
)

// Copier copies the content of files. It remembers which ways the two file systems don't have.
type Copier struct {
	Guard   *diskspace.Guard
	buf     []byte
	noClone bool
	noRange bool
}

// portion is how much is copied between two looks at the disk and at the context.
const portion = 8 << 20

// Copy copies all of src to dst, which is empty, in the cheapest way that there is.
func (c *Copier) Copy(dst, src int, st *unix.Stat_t) error {
	if st.Size == 0 {
		return nil
	}
	if !c.noClone {
		err := unix.IoctlFileClone(dst, src)
		if err == nil {
			return nil
		}
		c.noClone = true
	}
	if st.Blocks*512 < st.Size {
		return c.copySparse(dst, src, st.Size)
	}
	_, err := c.copyRange(dst, src, -1)
	return err
}

// copyRange copies left bytes, or all for left below 0, from where the descriptors stand.
func (c *Copier) copyRange(dst, src int, left int64) (n int64, err error) {
	for left != 0 {
		want := int64(portion)
		if left > 0 {
			want = min(want, left)
		}
		m, err := c.some(dst, src, want)
		n += int64(m)
		if err != nil || m == 0 {
			return n, err
		}
		if left > 0 {
			left -= int64(m)
		}
		if err := c.Guard.Grow(int64(m)); err != nil {
			return n, err
		}
	}
	return n, nil
}

// some copies up to want bytes; none is the end.
func (c *Copier) some(dst, src int, want int64) (int, error) {
	if !c.noRange {
		n, err := unix.CopyFileRange(src, nil, dst, nil, int(want), 0)
		if err == nil {
			return n, nil
		}
		for _, not := range []unix.Errno{unix.ENOSYS, unix.EXDEV, unix.EPERM, unix.EIO, unix.EOPNOTSUPP, unix.EINVAL} {
			if errors.Is(err, not) {
				c.noRange = true
			}
		}
		if !c.noRange {
			return 0, err
		}
	}
	if c.buf == nil {
		c.buf = make([]byte, 512<<10)
	}
	n, err := ReadFull(src, c.buf[:min(want, int64(len(c.buf)))])
	if err != nil || n == 0 {
		return 0, err
	}
	for done := 0; done < n; {
		m, err := unix.Write(dst, c.buf[done:n])
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if err != nil {
			return done, err
		}
		done += m
	}
	return n, nil
}

// ReadFull reads until p is full or the file ends.
func ReadFull(fd int, p []byte) (n int, err error) {
	for n < len(p) {
		m, err := unix.Read(fd, p[n:])
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if err != nil {
			return n, err
		}
		if m == 0 {
			break
		}
		n += m
	}
	return n, nil
}

// copySparse copies what is between the holes of a file.
func (c *Copier) copySparse(dst, src int, size int64) error {
	for at := int64(0); at < size; {
		data, err := unix.Seek(src, at, unix.SEEK_DATA)
		if errors.Is(err, unix.ENXIO) {
			break // a hole to the end
		}
		if err != nil {
			return c.whole(dst, src)
		}
		end, err := unix.Seek(src, data, unix.SEEK_HOLE)
		if err != nil {
			return c.whole(dst, src)
		}
		for _, fd := range []int{src, dst} {
			if _, err := unix.Seek(fd, data, io.SeekStart); err != nil {
				return err
			}
		}
		n, err := c.copyRange(dst, src, end-data)
		if err != nil {
			return err
		}
		if at = data + n; n == 0 {
			break
		}
	}
	return unix.Ftruncate(dst, size)
}

// whole copies a file of a file system that does not tell its holes.
func (c *Copier) whole(dst, src int) error {
	for _, fd := range []int{src, dst} {
		if _, err := unix.Seek(fd, 0, io.SeekStart); err != nil {
			return err
		}
	}
	_, err := c.copyRange(dst, src, -1)
	return err
}
