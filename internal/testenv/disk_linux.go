package testenv

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// Disk is a device with a file system of its own, for a test that fills it or cuts its power. It needs root.
type Disk struct {
	Dir    string // where it is mounted
	Atomic bool   // a Cut is of one moment, also while the device is written

	file string
	mu   sync.Mutex
	cuts int
}

// NewDisk mounts an ext4 file system of that many bytes until the end of the test.
func NewDisk(t testing.TB, size int64) *Disk {
	t.Helper()
	Root(t)
	dir := t.TempDir()
	d := &Disk{file: filepath.Join(dir, "disk")}
	// A file system that shares the blocks of copies makes them at one moment.
	if mkfs, err := exec.LookPath("mkfs.xfs"); err == nil {
		disk := filepath.Join(dir, "xfs")
		sparse(t, disk, 2<<30)
		command(t, mkfs, "-q", "-m", "reflink=1", disk)
		at := t.TempDir()
		mountDisk(t, disk, at)
		// Another test's process may have a copy of the mount above, and so its device, for a while.
		t.Cleanup(func() { must(t, unix.Unmount(at, unix.MNT_DETACH)) })
		d.file, d.Atomic = filepath.Join(at, "disk"), true
	}
	sparse(t, d.file, size)
	command(t, Program(t, "mkfs.ext4", "e2fsprogs"), "-q", "-F", "-m", "0", d.file)
	d.Dir = MountDisk(t, d.file)
	return d
}

// MountDisk mounts the file system in a file until the end of the test, and returns where.
func MountDisk(t testing.TB, file string) (dir string) {
	t.Helper()
	dir = t.TempDir()
	mountDisk(t, file, dir)
	t.Cleanup(func() {
		// An agent that has nothing more to do ends in a moment.
		err := unix.Unmount(dir, 0)
		for end := time.Now().Add(20 * time.Second); errors.Is(err, unix.EBUSY) && time.Now().Before(end); err = unix.Unmount(dir, 0) {
			time.Sleep(10 * time.Millisecond)
		}
		if err != nil {
			t.Errorf("unmount %s, which nothing should use any more: %v", dir, err)
			_ = unix.Unmount(dir, unix.MNT_DETACH)
		}
	})
	return dir
}

func mountDisk(t testing.TB, file, dir string) {
	t.Helper()
	command(t, Program(t, "mount", "mount"), "-o", "loop", file, dir)
}

// Cut copies the device as it is: what a machine has that loses its power in this moment.
func (d *Disk) Cut() (file string, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.cuts++
	from, err := os.Open(d.file)
	if err != nil {
		return "", err
	}
	defer from.Close()
	to, err := os.Create(fmt.Sprint(d.file, "-", d.cuts))
	if err != nil {
		return "", err
	}
	defer to.Close()
	if d.Atomic {
		return to.Name(), unix.IoctlFileClone(int(to.Fd()), int(from.Fd()))
	}
	_, err = io.Copy(to, from)
	return to.Name(), err
}

func sparse(t testing.TB, path string, size int64) {
	t.Helper()
	must(t, os.WriteFile(path, nil, 0o600))
	must(t, os.Truncate(path, size))
}

func command(t testing.TB, name string, args ...string) {
	t.Helper()
	if out, err := exec.Command(name, args...).CombinedOutput(); err != nil {
		t.Fatalf("%s: %v: %s", name, err, out)
	}
}
