//go:build linux

package rootfs

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"

	"github.com/caisson-dev/caisson/agent/internal/names"
	"github.com/caisson-dev/caisson/agent/internal/process"
	"github.com/caisson-dev/caisson/agent/internal/thread"
)

// ErrGone says that a process's root is not the container's: the process is over, and its number is another's by now.
var ErrGone = errors.New("not the container's root")

// Running looks through the mount namespace of a container's process, or without any mount at the layer at path.
// Errors: ErrGone.
func Running(id string, proc *process.Process, path string, mounts bool) (*View, error) {
	v := &View{id: id, path: path, release: func() error { return nil }}
	var err error
	if mounts {
		v.root, err = process.Look(proc, namespaceRoot)
	} else {
		v.root, err = openPath(path)
	}
	if err != nil {
		return nil, fmt.Errorf("open the file system of container %s: %w", names.Short(id), err)
	}
	if err := sameRoot(v.root, path); err != nil {
		v.root.Close()
		return nil, err
	}
	return v, nil
}

func sameRoot(f *os.File, rootfs string) error {
	a, err := f.Stat()
	if err != nil {
		return err
	}
	b, err := os.Stat(rootfs)
	if err != nil {
		return err
	}
	if !os.SameFile(a, b) {
		return ErrGone
	}
	return nil
}

// namespaceRoot opens the root of a process's mount namespace: also if the process has another root of its own.
func namespaceRoot(pid int) (root *os.File, err error) {
	ns, err := os.Open(fmt.Sprintf("/proc/%d/ns/mnt", pid))
	if err != nil {
		return nil, err
	}
	defer ns.Close()
	err = thread.RunApart(func() error {
		if err := unix.Setns(int(ns.Fd()), unix.CLONE_NEWNS); err != nil {
			return os.NewSyscallError("setns", err)
		}
		root, err = openPath("/")
		return err
	})
	return root, err
}
