package flock

import (
	"bufio"
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"
)

// dying says whether a process that has the lock of the file at path is about to end: it was killed, and the kernel has not
// yet closed its files. Then the lock is worth a short wait. It is false where that can't be seen.
func dying(path string) bool {
	st, err := os.Stat(path)
	if err != nil {
		return false
	}
	sys, ok := st.Sys().(*syscall.Stat_t)
	if !ok {
		return false
	}
	f, err := os.Open("/proc/locks")
	if err != nil {
		return false
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		pid := holder(lines.Text(), sys.Ino)
		if pid == 0 {
			continue
		}
		if stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid)); err == nil && ending(string(stat)) {
			return true
		}
	}
	return false
}

// holder returns the process of a line of /proc/locks, if it is of a lock as this package makes them on the inode. The
// device there is not always that of stat.
func holder(line string, inode uint64) (pid int) {
	f := strings.Fields(line) // "1: FLOCK  ADVISORY  WRITE 4711 fd:01:1234 0 EOF"; a waiter has "->" after the number
	if len(f) < 6 || f[1] != "FLOCK" || !strings.HasSuffix(f[5], ":"+strconv.FormatUint(inode, 10)) {
		return 0
	}
	pid, err := strconv.Atoi(f[4])
	if err != nil || pid < 0 {
		return 0 // of another namespace
	}
	return pid
}

// ending says whether the process of a line of /proc/PID/stat is on its way out, and may still have its files. When it is a
// zombie it has closed them, and another has inherited the lock.
func ending(stat string) bool {
	_, rest, _ := cutLast(stat, ") ")
	f := strings.Fields(rest)
	if len(f) < 7 || f[0] == "Z" || f[0] == "X" {
		return false
	}
	flags, err := strconv.ParseUint(f[6], 10, 64)
	const exiting = 0x4 // PF_EXITING
	return err == nil && flags&exiting != 0
}

func cutLast(s, sep string) (before, after string, found bool) {
	if i := strings.LastIndex(s, sep); i >= 0 {
		return s[:i], s[i+len(sep):], true
	}
	return s, "", false
}
