//go:build linux

package containers

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	goruntime "runtime"
	"strings"

	pathrs "github.com/cyphar/filepath-securejoin/pathrs-lite"
	"go.podman.io/storage"
	"golang.org/x/sys/unix"

	"github.com/caisson-dev/caisson/agent/internal/names"
	"github.com/caisson-dev/caisson/agent/internal/pack"
	"github.com/caisson-dev/caisson/agent/internal/process"
	"github.com/caisson-dev/caisson/container"
	"github.com/caisson-dev/caisson/internal/api"
)

// view is a container's file system. Every name is looked up from root's descriptor and can't lead out of it, whatever
// the container's processes do with links meanwhile (CVE-2018-15664, CVE-2019-14271): nothing is looked up by path, no
// process enters the container, and nothing of the image is loaded.
type view struct {
	rec     *Record
	root    *os.File // O_PATH
	rootfs  string   // in this agent's mount namespace
	release func() error
}

func (v *view) close() error {
	v.root.Close()
	return v.release()
}

// view opens a container's file system, with its volumes and the host's directories where they are mounted; or without
// any mount, as the layer is.
func (s *Service) view(ctx context.Context, id string, mounts bool) (*view, error) {
	m := s.mine(id)
	if m == nil {
		lock, err := s.lock(ctx, id)
		if err != nil {
			return nil, err
		}
		rec, err := s.loadRecord(id)
		if err != nil {
			lock.Unlock()
			return nil, err
		}
		v, err := s.stoppedView(rec, mounts)
		if err != nil {
			lock.Unlock()
			return nil, err
		}
		unmount := v.release
		v.release = func() error {
			defer lock.Unlock()
			return unmount()
		}
		return v, nil
	}
	m.op.Lock()
	defer m.op.Unlock()
	if run, err := m.current(); err == nil {
		return m.runningView(run, mounts)
	}
	if m.state().State.Status == "" || m.gone() {
		return nil, notFound(id)
	}
	v, err := s.stoppedView(m.rec, mounts)
	if err != nil {
		return nil, err
	}
	started, unmount := m.state().State.Started, v.release
	v.release = func() error {
		m.op.Lock()
		defer m.op.Unlock()
		if m.gone() || !m.state().State.Started.Equal(started) {
			return nil // the mount went with the container, or is the new run's, which takes it away
		}
		return unmount()
	}
	return v, nil
}

func (m *managed) gone() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.removed
}

// runningView looks through the mount namespace of the container's process.
func (m *managed) runningView(r *run, mounts bool) (*view, error) {
	v := &view{rec: m.rec, rootfs: m.state().RootFS, release: func() error { return nil }}
	var err error
	if mounts {
		v.root, err = process.Look(r.proc.Process, namespaceRoot)
	} else {
		v.root, err = openPath(v.rootfs)
	}
	if err != nil {
		return nil, fmt.Errorf("open the file system of container %s: %w", names.Short(m.rec.ID), err)
	}
	if err := sameRoot(v.root, v.rootfs); err != nil {
		v.root.Close()
		return nil, notRunning(m.rec.ID, container.StatusExited) // its pid is another's by now
	}
	return v, nil
}

func openPath(dir string) (*os.File, error) {
	return os.OpenFile(dir, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
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
		return errors.New("not the container's root")
	}
	return nil
}

// onOwnThread runs f on a thread of its own, which ends with f: f may change the thread's namespaces.
func onOwnThread(f func() error) error {
	err := make(chan error, 1)
	go func() {
		goruntime.LockOSThread() // and never unlock
		if e := unix.Unshare(unix.CLONE_FS); e != nil {
			err <- os.NewSyscallError("unshare", e)
			return
		}
		err <- f()
	}()
	return <-err
}

// namespaceRoot opens the root of a process's mount namespace: also if the process has another root of its own.
func namespaceRoot(pid int) (root *os.File, err error) {
	ns, err := os.Open(fmt.Sprintf("/proc/%d/ns/mnt", pid))
	if err != nil {
		return nil, err
	}
	defer ns.Close()
	err = onOwnThread(func() error {
		if err := unix.Setns(int(ns.Fd()), unix.CLONE_NEWNS); err != nil {
			return os.NewSyscallError("setns", err)
		}
		root, err = openPath("/")
		return err
	})
	return root, err
}

// stoppedView mounts the container's layer, and what belongs in it in a mount namespace that ends with the view.
func (s *Service) stoppedView(rec *Record, mounts bool) (*view, error) {
	st := s.Images.Storage()
	rootfs, err := st.Mount(rec.ID, "")
	if err != nil {
		return nil, fmt.Errorf("mount the root file system of container %s: %w", names.Short(rec.ID), err)
	}
	unmount := func() error {
		_, err := st.Unmount(rec.ID, false)
		if errors.Is(err, storage.ErrLayerNotMounted) || errors.Is(err, storage.ErrContainerUnknown) {
			return nil
		}
		return err
	}
	v := &view{rec: rec, rootfs: rootfs, release: unmount}
	if !mounts {
		if v.root, err = openPath(rootfs); err != nil {
			return nil, errors.Join(err, unmount())
		}
		return v, nil
	}
	var ns *os.File
	err = onOwnThread(func() error {
		var err error
		v.root, ns, err = s.stage(rec, rootfs)
		return err
	})
	if err != nil {
		return nil, errors.Join(fmt.Errorf("mount the volumes of container %s: %w", names.Short(rec.ID), err), unmount())
	}
	v.release = func() error {
		ns.Close() // the last: its mounts go with it
		return unmount()
	}
	return v, nil
}

// stage makes a mount namespace for this thread with the container's mounts, and returns its root directory and the
// namespace itself.
func (s *Service) stage(rec *Record, rootfs string) (root, ns *os.File, err error) {
	defer func() {
		if err != nil {
			closeAll(root, ns)
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
	for _, m := range rec.Mounts {
		if err := s.stageMount(root, rootfs, m); err != nil {
			return root, ns, fmt.Errorf("mount %s: %w", m.Target, err)
		}
	}
	if rec.Options.ReadOnly {
		err = unix.MountSetattr(int(root.Fd()), "", unix.AT_EMPTY_PATH, &unix.MountAttr{Attr_set: unix.MOUNT_ATTR_RDONLY})
	}
	return root, ns, err
}

// stageMount mounts one of the container's mounts below root, as its start would.
func (s *Service) stageMount(root *os.File, rootfs string, m container.Mount) error {
	source := m.Source
	switch m.Type {
	case container.MountVolume:
		var err error
		if source, err = s.volumes.Prepare(m, rootfs); err != nil {
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

// fdPath names an open file for calls that take paths only. The agent's own /proc is not the container's.
func fdPath(f *os.File) string { return fmt.Sprintf("/proc/thread-self/fd/%d", f.Fd()) }

// open returns an O_PATH descriptor of a file. follow: what a link at the end leads to.
func (v *view) open(name string, follow bool) (*os.File, error) {
	clean := path.Clean("/" + name)
	follow = follow || clean == "/" || strings.HasSuffix(name, "/") || strings.HasSuffix(name, "/.")
	at := clean
	if !follow {
		at = path.Dir(clean)
	}
	h, err := pathrs.OpenatInRoot(v.root, at)
	if err == nil && !follow {
		dir := h
		h, err = pack.Openat(dir, path.Base(clean), unix.O_PATH|unix.O_NOFOLLOW)
		dir.Close()
	}
	if err == nil && strings.HasSuffix(name, "/") {
		if st, serr := h.Stat(); serr == nil && !st.IsDir() {
			h.Close()
			err = unix.ENOTDIR
		}
	}
	return h, v.explain(name, err)
}

// explain gives an error about a name in the container the sentinel that a caller matches.
func (v *view) explain(name string, err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, fs.ErrNotExist):
		return api.Errorf(api.ErrNotFound, "container %s: %s: no such file or directory", names.Short(v.rec.ID), name)
	case errors.Is(err, unix.ENOTDIR), errors.Is(err, unix.ELOOP), errors.Is(err, unix.ENAMETOOLONG), errors.Is(err, unix.EEXIST), errors.Is(err, unix.EISDIR),
		errors.Is(err, unix.EINVAL), errors.Is(err, unix.EXDEV), errors.Is(err, unix.EMLINK):
		return api.Errorf(api.ErrInvalidArgument, "container %s: %s: %w", names.Short(v.rec.ID), name, pack.Bare(err))
	case errors.Is(err, unix.EROFS):
		return api.Errorf(api.ErrPermission, "container %s: %s: it is read-only there: copy into a volume that is not", names.Short(v.rec.ID), name)
	}
	return fmt.Errorf("container %s: %s: %w", names.Short(v.rec.ID), name, pack.Bare(err))
}

// makeDirs opens a directory below root and makes what is missing of the way to it. made is called for each new one.
func makeDirs(root *os.File, name string, made func(dir *os.File) error) (*os.File, error) {
	h, err := pathrs.OpenatInRoot(root, name)
	if !errors.Is(err, fs.ErrNotExist) || name == "/" {
		return h, err
	}
	parent, err := makeDirs(root, path.Dir(name), made)
	if err != nil {
		return nil, err
	}
	defer parent.Close()
	base := path.Base(name)
	if err := unix.Mkdirat(int(parent.Fd()), base, 0o755); err != nil && !errors.Is(err, unix.EEXIST) {
		return nil, &fs.PathError{Op: "mkdir", Path: name, Err: err}
	}
	if h, err = pack.Openat(parent, base, unix.O_PATH|unix.O_NOFOLLOW|unix.O_DIRECTORY); err != nil {
		return nil, err
	}
	// The umask of the owner's process is not the container's.
	if err = os.Chmod(fdPath(h), 0o755); err == nil && made != nil {
		err = made(h)
	}
	if err != nil {
		h.Close()
		return nil, err
	}
	return h, nil
}
