//go:build linux

package overlay

import (
	"errors"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// Mount is what is mounted.
type Mount struct {
	Lower []string // directories, the topmost first; at least one, or two without Upper
	Upper string   // gets what is written; empty: the mount is read-only
	Work  string   // empty, on the file system of Upper
	// UserXattr is for a mount in a user namespace, where the file system's own attributes are user.overlay.* (Linux,
	// Documentation/filesystems/overlayfs.rst).
	UserXattr bool
}

// ErrUnsupported says that this kernel can't mount so many directories this way.
var ErrUnsupported = errors.New("this kernel can't mount so many layers")

// At mounts on a directory.
func (m *Mount) At(target string) error {
	fd, err := m.create()
	if errors.Is(err, unix.ENOSYS) || errors.Is(err, errOld) {
		return m.oldWay(target)
	}
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	return os.NewSyscallError("move_mount", unix.MoveMount(fd, "", unix.AT_FDCWD, target, unix.MOVE_MOUNT_F_EMPTY_PATH))
}

// errOld: the kernel takes lower directories in one text alone (before Linux 6.5).
var errOld = errors.New("no lowerdir+")

// flags are the options beside the directories. A build's layers need no fsync of their own when the mount ends: what is
// durable of them becomes so when they are part of the store. That also spares the sync of the whole file system.
func (m *Mount) options() [][2]string {
	out := [][2]string{{"xino", "off"}, {"index", "off"}}
	if m.UserXattr {
		return append(out, [2]string{"userxattr", ""}) // which turns the others off
	}
	return append(out, [2]string{"redirect_dir", "nofollow"}, [2]string{"metacopy", "off"})
}

func (m *Mount) create() (int, error) {
	ctx, err := unix.Fsopen("overlay", unix.FSOPEN_CLOEXEC)
	if err != nil {
		return -1, err
	}
	defer unix.Close(ctx)
	set := func(key, value string) error {
		if value == "" {
			return os.NewSyscallError("fsconfig "+key, unix.FsconfigSetFlag(ctx, key))
		}
		return os.NewSyscallError("fsconfig "+key, unix.FsconfigSetString(ctx, key, value))
	}
	for i, dir := range m.Lower {
		if err := set("lowerdir+", dir); err != nil {
			if i == 0 && errors.Is(err, unix.EINVAL) {
				return -1, errOld
			}
			return -1, err
		}
	}
	list := m.options()
	if m.Upper != "" {
		list = append(list, [2]string{"upperdir", m.Upper}, [2]string{"workdir", m.Work}, [2]string{volatile, ""})
	}
	for _, o := range list {
		if err := set(o[0], o[1]); err != nil && o[0] != volatile {
			return -1, err
		}
	}
	if err := unix.FsconfigCreate(ctx); err != nil {
		return -1, os.NewSyscallError("fsconfig create", err)
	}
	attr := 0
	if m.Upper == "" {
		attr = unix.MOUNT_ATTR_RDONLY
	}
	fd, err := unix.Fsmount(ctx, unix.FSMOUNT_CLOEXEC, attr)
	return fd, os.NewSyscallError("fsmount", err)
}

// maxText is how long the options of mount(2) may be: a page.
const maxText = 4095

// volatile spares syncs. Kernels before 5.10 don't have it.
const volatile = "volatile"

func (m *Mount) oldWay(target string) error {
	err := m.byText(target, m.Upper != "")
	if m.Upper != "" && errors.Is(err, unix.EINVAL) {
		err = m.byText(target, false)
	}
	return err
}

// byText mounts by mount(2).
func (m *Mount) byText(target string, lax bool) error {
	escape := strings.NewReplacer(`\`, `\\`, ":", `\:`, ",", `\,`).Replace
	var lower []string
	for _, dir := range m.Lower {
		lower = append(lower, escape(dir))
	}
	text := "lowerdir=" + strings.Join(lower, ":")
	flags := uintptr(unix.MS_RDONLY)
	if m.Upper != "" {
		text += ",upperdir=" + escape(m.Upper) + ",workdir=" + escape(m.Work)
		flags = 0
	}
	if lax {
		text += "," + volatile
	}
	for _, o := range m.options() {
		text += "," + o[0]
		if o[1] != "" {
			text += "=" + o[1]
		}
	}
	if len(text) > maxText {
		return ErrUnsupported
	}
	return os.NewSyscallError("mount", unix.Mount("overlay", target, "overlay", flags, text))
}

// Unmount takes a mount away. What still uses it, such as the mount namespace of a step that has just ended, keeps it for
// that moment.
func Unmount(target string) error {
	err := unix.Unmount(target, unix.MNT_DETACH|unix.UMOUNT_NOFOLLOW)
	if errors.Is(err, unix.EINVAL) || errors.Is(err, unix.ENOENT) {
		return nil // it is not mounted
	}
	return os.NewSyscallError("umount", err)
}
