//go:build linux

package files

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"golang.org/x/sys/unix"

	"github.com/caisson-dev/caisson/agent/internal/diskspace"
)

// pouch copies the content of files. It remembers which ways the two file systems don't have.
type pouch struct {
	ctx     context.Context
	guard   *diskspace.Guard
	buf     []byte
	noClone bool
	noRange bool
}

// portion is how much is copied between two looks at the disk and at the context.
const portion = 8 << 20

// openFile opens a regular file to be read, and describes what was opened: it may be another by now.
func openFile(dir int, name string) (int, *unix.Stat_t, error) {
	fd, err := unix.Openat(dir, name, unix.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil {
		return -1, nil, err
	}
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		unix.Close(fd)
		return -1, nil, err
	}
	if kind(&st) != unix.S_IFREG {
		unix.Close(fd)
		return -1, nil, errors.New("it was replaced while it was read")
	}
	return fd, &st, nil
}

// copy copies all of src to dst, which is empty, in the cheapest way that there is.
func (c *pouch) copy(dst, src int, st *unix.Stat_t) error {
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
func (c *pouch) copyRange(dst, src int, left int64) (n int64, err error) {
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
		if err := c.guard.Grow(int64(m)); err != nil {
			return n, err
		}
	}
	return n, nil
}

// some copies up to want bytes; none is the end.
func (c *pouch) some(dst, src int, want int64) (int, error) {
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
	n, err := readFull(src, c.buf[:min(want, int64(len(c.buf)))])
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

func readFull(fd int, p []byte) (n int, err error) {
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
func (c *pouch) copySparse(dst, src int, size int64) error {
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
func (c *pouch) whole(dst, src int) error {
	for _, fd := range []int{src, dst} {
		if _, err := unix.Seek(fd, 0, io.SeekStart); err != nil {
			return err
		}
	}
	_, err := c.copyRange(dst, src, -1)
	return err
}

// failed gives an error the name in the image that it is about.
func failed(name string, err error) error {
	if err == nil {
		return nil
	}
	if errors.Is(err, unix.ENOSPC) || errors.Is(err, unix.EDQUOT) {
		return noSpace(name, err)
	}
	var pe *os.PathError
	if errors.As(err, &pe) {
		return err
	}
	return fmt.Errorf("/%s: %w", name, err)
}
