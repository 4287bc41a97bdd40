//go:build linux

package launch

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"github.com/caisson-dev/caisson/agent/internal/thread"
)

// shareMemory mounts the /dev/shm of another container until this one has it.
func (in *Inputs) shareMemory(s *Service, id string) error {
	pid, err := s.cfg.Pid(id)
	if err != nil {
		return err
	}
	tree, err := lookAt(pid, shmOf)
	if err != nil {
		return err
	}
	defer unix.Close(tree)
	dir := filepath.Join(s.cfg.Dir(in.Container.ID), "shm")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	if err := unix.MoveMount(tree, "", unix.AT_FDCWD, dir, unix.MOVE_MOUNT_F_EMPTY_PATH); err != nil {
		return os.NewSyscallError("move_mount", err)
	}
	in.Shm = dir
	in.undo = append(in.undo, func() error {
		return errors.Join(os.NewSyscallError("umount", unix.Unmount(dir, unix.MNT_DETACH)), os.Remove(dir))
	})
	return nil
}

// shmOf returns a copy of a process's mount at /dev/shm. It has to be made in the process's mount namespace, by a thread
// that goes there and is not used again.
func shmOf(pid int) (fd int, err error) {
	err = thread.RunApart(func() error {
		fd, err = shmOnThread(pid)
		return err
	})
	return fd, err
}

func shmOnThread(pid int) (int, error) {
	ns, err := unix.Open(fmt.Sprintf("/proc/%d/ns/mnt", pid), unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return -1, os.NewSyscallError("open", err)
	}
	defer unix.Close(ns)
	if err := unix.Setns(ns, unix.CLONE_NEWNS); err != nil {
		return -1, os.NewSyscallError("setns", err)
	}
	// In the container's own root a link leads nowhere but into the container; none is followed all the same.
	shm, err := unix.Openat2(unix.AT_FDCWD, "/dev/shm", &unix.OpenHow{Flags: unix.O_PATH | unix.O_DIRECTORY | unix.O_CLOEXEC, Resolve: unix.RESOLVE_NO_SYMLINKS})
	if err != nil {
		return -1, os.NewSyscallError("openat2", err)
	}
	defer unix.Close(shm)
	fd, err := unix.OpenTree(shm, "", unix.OPEN_TREE_CLONE|unix.OPEN_TREE_CLOEXEC|unix.AT_EMPTY_PATH)
	return fd, os.NewSyscallError("open_tree", err)
}
