//go:build linux

package rootfs

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	pathrs "github.com/cyphar/filepath-securejoin/pathrs-lite"
	"go.podman.io/storage"
	"go.podman.io/storage/pkg/archive"
	"golang.org/x/sys/unix"

	"github.com/caisson-dev/caisson/agent/internal/names"
	"github.com/caisson-dev/caisson/agent/internal/thread"
	"github.com/caisson-dev/caisson/container"
)

// Store is where containers' layers are: containers/storage.
type Store interface {
	Mount(id, mountLabel string) (string, error)
	Unmount(id string, force bool) (bool, error)
	Container(id string) (*storage.Container, error)
	Changes(from, to string) ([]archive.Change, error)
	Diff(from, to string, options *storage.DiffOptions) (io.ReadCloser, error)
}

// Mounts are what is mounted in a container's file system.
type Mounts struct {
	List     []container.Mount
	ReadOnly bool // the root itself
	// Volume makes the volume of a mount ready and returns its directory.
	Volume func(m container.Mount, rootfs string) (string, error)
}

// Stopped mounts the layer of a container that does not run, and what belongs in it in a mount namespace that ends with
// the view. Without mounts it is the layer as it is.
func Stopped(st Store, id string, mounts *Mounts) (*View, error) {
	path, err := st.Mount(id, "")
	if err != nil {
		return nil, fmt.Errorf("mount the root file system of container %s: %w", names.Short(id), err)
	}
	unmount := func() error {
		_, err := st.Unmount(id, false)
		if errors.Is(err, storage.ErrLayerNotMounted) || errors.Is(err, storage.ErrContainerUnknown) {
			return nil
		}
		return err
	}
	v := &View{id: id, path: path, release: unmount}
	if mounts == nil {
		if v.root, err = openPath(path); err != nil {
			return nil, errors.Join(err, unmount())
		}
		return v, nil
	}
	err = thread.RunApart(func() error {
		var err error
		v.root, v.ns, err = mounts.stage(path)
		return err
	})
	if err != nil {
		return nil, errors.Join(fmt.Errorf("mount the volumes of container %s: %w", names.Short(id), err), unmount())
	}
	return v, nil
}

// stage makes a mount namespace for this thread with the container's mounts, and returns its root directory and the
// namespace itself.
func (m *Mounts) stage(rootfs string) (root, ns *os.File, err error) {
	defer func() {
		if err != nil {
			root.Close() // nil: an error that no one reads
			ns.Close()
		}
	}()
	if err := unix.Unshare(unix.CLONE_NEWNS); err != nil {
		return nil, nil, os.NewSyscallError("unshare", err)
	}
	if err := unix.Mount("", "/", "", unix.MS_PRIVATE|unix.MS_REC, ""); err != nil {
		return nil, nil, os.NewSyscallError("mount", err)
	}
	if ns, err = os.Open("/proc/thread-self/ns/mnt"); err != nil {
		return nil, nil, err
	}
	if root, err = openPath(rootfs); err != nil {
		return nil, ns, err
	}
	for _, mount := range m.List {
		if err := m.mount(root, rootfs, mount); err != nil {
			return root, ns, fmt.Errorf("mount %s: %w", mount.Target, err)
		}
	}
	if m.ReadOnly {
		err = unix.MountSetattr(int(root.Fd()), "", unix.AT_EMPTY_PATH, &unix.MountAttr{Attr_set: unix.MOUNT_ATTR_RDONLY})
	}
	return root, ns, err
}

// mount mounts one of the container's mounts below root, as its start would.
func (ms *Mounts) mount(root *os.File, rootfs string, m container.Mount) error {
	source := m.Source
	switch m.Type {
	case container.MountVolume:
		var err error
		if source, err = ms.Volume(m, rootfs); err != nil {
			return err
		}
	case container.MountBind:
	default:
		return nil // nothing of it is there while the container does not run
	}
	st, err := os.Stat(source)
	if errors.Is(err, fs.ErrNotExist) {
		return nil // the start will say so
	}
	if err != nil {
		return err
	}
	target, err := pathrs.OpenatInRoot(root, m.Target)
	if errors.Is(err, fs.ErrNotExist) && st.IsDir() {
		target, err = makeDirs(root, m.Target, nil)
	}
	if err != nil {
		return err
	}
	defer target.Close()
	if err := unix.Mount(source, fdPath(target), "", unix.MS_BIND|unix.MS_REC, ""); err != nil {
		return os.NewSyscallError("mount", err)
	}
	if !m.ReadOnly {
		return nil
	}
	mounted, err := pathrs.OpenatInRoot(root, m.Target)
	if err != nil {
		return err
	}
	defer mounted.Close()
	return unix.MountSetattr(int(mounted.Fd()), "", unix.AT_EMPTY_PATH|unix.AT_RECURSIVE, &unix.MountAttr{Attr_set: unix.MOUNT_ATTR_RDONLY})
}
