package host

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/moby/sys/mountinfo"
	"golang.org/x/sys/unix"
)

// UnmountBelow detaches every mount of this process's namespace at or below the directories.
func UnmountBelow(dirs ...string) error {
	below := func(m *mountinfo.Info) (skip, stop bool) {
		return !slices.ContainsFunc(dirs, func(d string) bool { return m.Mountpoint == d || strings.HasPrefix(m.Mountpoint, d+"/") }), false
	}
	mounts, err := mountinfo.GetMounts(below)
	if err != nil {
		return err
	}
	var errs []error
	for _, m := range slices.Backward(mounts) { // the last one covers the others
		if err := unix.Unmount(m.Mountpoint, unix.MNT_DETACH); err != nil && !errors.Is(err, unix.EINVAL) && !errors.Is(err, unix.ENOENT) {
			errs = append(errs, fmt.Errorf("unmount %s: %w", m.Mountpoint, err))
		}
	}
	return errors.Join(errs...)
}

// PrivateMount returns the mount point that a path is on if nothing that is mounted below it later would reach another
// mount namespace; else nothing.
func PrivateMount(path string) (string, error) {
	real, err := filepath.EvalSymlinks(path)
	if err != nil {
		return "", err
	}
	above, err := mountinfo.GetMounts(mountinfo.ParentsFilter(real))
	if err != nil {
		return "", err
	}
	return private(above), nil
}

// private looks at the mounts above a path, in the order in which they were made.
func private(above []*mountinfo.Info) string {
	var at *mountinfo.Info
	for _, m := range above {
		if at == nil || len(m.Mountpoint) >= len(at.Mountpoint) { // the last one covers the others
			at = m
		}
	}
	if at == nil || strings.Contains(at.Optional, "master:") || strings.Contains(at.Optional, "shared:") {
		return ""
	}
	return at.Mountpoint
}
