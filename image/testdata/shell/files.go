package main

import (
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"strconv"
	"syscall"
	"time"
)

// files are the commands that change what files are: chmod MODE NAME…, chown UID GID NAME…, ln TARGET NAME (symbolic),
// link OLD NEW, touch SECONDS NAME…, mv OLD NEW, setxattr KEY HEX NAME, mkfifo NAME, mknod NAME MAJOR MINOR, umask MASK,
// mode NAME, which tells mode and
// owner, and blocks NAME, which tells the size of a file system in kilobytes.
func files(to io.Writer, a []string) error {
	switch a[0] {
	case "chmod":
		return each(a[2:], func(name string) error { return syscall.Chmod(name, uint32(number(a[1], 8))) })
	case "chown":
		return each(a[3:], func(name string) error { return os.Lchown(name, number(a[1], 10), number(a[2], 10)) })
	case "ln":
		return os.Symlink(a[1], a[2])
	case "link":
		return os.Link(a[1], a[2])
	case "touch":
		at := time.Unix(int64(number(a[1], 10)), 0)
		return each(a[2:], func(name string) error { return os.Chtimes(name, at, at) })
	case "mv":
		return os.Rename(a[1], a[2])
	case "setxattr":
		value, err := hex.DecodeString(a[2])
		if err != nil {
			return err
		}
		return syscall.Setxattr(a[3], a[1], value, 0)
	case "mkfifo":
		return syscall.Mkfifo(a[1], 0o644)
	case "mknod":
		return syscall.Mknod(a[1], syscall.S_IFCHR|0o644, number(a[2], 10)<<8|number(a[3], 10))
	case "umask":
		syscall.Umask(number(a[1], 8))
		return nil
	}
	if a[0] == "mode" {
		st, err := os.Lstat(a[1])
		if err == nil {
			_, err = fmt.Fprintln(to, st.Mode(), owner(st))
		}
		return err
	}
	var st syscall.Statfs_t
	if err := syscall.Statfs(a[1], &st); err != nil {
		return err
	}
	_, err := fmt.Fprintln(to, st.Blocks*uint64(st.Bsize)/1024)
	return err
}

func number(text string, base int) int {
	n, err := strconv.ParseInt(text, base, 64)
	check(err)
	return int(n)
}

func each(names []string, do func(name string) error) error {
	for _, name := range names {
		if err := do(name); err != nil {
			return err
		}
	}
	return nil
}
