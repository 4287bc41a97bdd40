//go:build linux && cgo

// Package initbinary finds the small binary beside the agent's: cmd/caisson-agent-init for the init of a container and of
// a build's step, and for each exec. They are started from /proc/self/exe; there an early constructor (enter_linux.c)
// leaves the agent's binary for the small one, which takes half the CPU time to begin. Where it is not, or of another
// version, the agent's own binary does the same work.
package initbinary

import "C" // enter_linux.c

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/opencontainers/runc/libcontainer/exeseal"
	"golang.org/x/sys/unix"

	"github.com/caisson-dev/caisson/internal/version"
)

// Suffix is what the name of the small binary has behind the agent's. internal/client repeats it.
const Suffix = "-init"

// Find looks for the small binary and returns it for the inits of containers: a file that who has it open can't write
// to, and can't get at the original by (CVE-2019-5736). It returns nil where there is none; the error says why one that is
// there is not used. empty is a directory that stays.
func Find(empty string) (*os.File, error) {
	path, err := beside(Suffix)
	if path == "" {
		return nil, err
	}
	f, err := overlay(path, empty)
	if err != nil {
		f, err = memory(path) // no overlay in this user namespace, or of that file system
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return f, nil
}

// beside returns the path of the binary beside this one, or nothing where there is none of this binary's source.
func beside(suffix string) (string, error) {
	exe, err := os.Readlink("/proc/self/exe")
	if err != nil {
		return "", err
	}
	path := exe + suffix
	if _, err := os.Stat(path); err != nil {
		return "", nil
	}
	if err := version.Matches(path); err != nil {
		return "", err
	}
	return path, nil
}

// overlay opens path in an overlay file system of lower directories only: there is no way to write through it, none to
// what is below it, and it is mounted nowhere. It lasts as long as the file is open.
func overlay(path, empty string) (*os.File, error) {
	ctx, err := unix.Fsopen("overlay", unix.FSOPEN_CLOEXEC)
	if err != nil {
		return nil, os.NewSyscallError("fsopen", err)
	}
	defer unix.Close(ctx)
	dir, name := filepath.Split(path)
	if err := unix.FsconfigSetString(ctx, "lowerdir", escape(dir)+":"+escape(empty)); err != nil {
		return nil, os.NewSyscallError("fsconfig lowerdir", err)
	}
	_ = unix.FsconfigSetString(ctx, "xino", "off") // else some kernels log that they can't have it
	if err := unix.FsconfigCreate(ctx); err != nil {
		return nil, os.NewSyscallError("fsconfig create", err)
	}
	mnt, err := unix.Fsmount(ctx, unix.FSMOUNT_CLOEXEC, unix.MOUNT_ATTR_RDONLY|unix.MOUNT_ATTR_NODEV|unix.MOUNT_ATTR_NOSUID)
	if err != nil {
		return nil, os.NewSyscallError("fsmount", err)
	}
	defer unix.Close(mnt)
	fd, err := unix.Openat(mnt, name, unix.O_PATH|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, os.NewSyscallError("openat", err)
	}
	return os.NewFile(uintptr(fd), path), nil
}

// escape quotes what separates directories in lowerdir.
func escape(dir string) string { return strings.NewReplacer(`\`, `\\`, ":", `\:`).Replace(dir) }

// memory copies path into sealed memory.
func memory(path string) (*os.File, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil {
		return nil, err
	}
	return exeseal.CloneBinary(f, st.Size(), filepath.Base(path), os.TempDir())
}
