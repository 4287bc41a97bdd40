package host

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/moby/sys/devices"
	"github.com/opencontainers/cgroups/devices/config"
	"golang.org/x/sys/unix"
)

// Devices looks a device up, or all below a directory. The first result is the path without symbolic links that the
// devices' paths begin with.
func Devices(path string) (root string, found []Device, err error) {
	root, err = filepath.EvalSymlinks(path)
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil, fmt.Errorf("source %q: it does not exist", path)
	}
	if err != nil {
		return "", nil, err
	}
	st, err := os.Stat(root)
	if err != nil {
		return "", nil, err
	}
	if !st.IsDir() {
		d, err := devices.DeviceFromPath(root, "rwm")
		if err != nil {
			return "", nil, fmt.Errorf("source %q: %w", path, err)
		}
		return root, []Device{device(d)}, nil
	}
	all, err := devices.GetDevices(root)
	if err != nil {
		return "", nil, err
	}
	if len(all) == 0 {
		return "", nil, fmt.Errorf("source %q: there is no device below this directory", path)
	}
	for _, d := range all {
		found = append(found, device(d))
	}
	return root, found, nil
}

func device(d *config.Device) Device {
	return Device{
		Path: d.Path, Type: string(d.Type), Major: d.Major, Minor: d.Minor, Mode: uint32(d.FileMode), UID: d.Uid, GID: d.Gid,
	}
}

// FindDisk returns the number of a block device that the kernel limits: a whole one.
func FindDisk(path string) (Disk, error) {
	var st unix.Stat_t
	if err := unix.Stat(path, &st); err != nil {
		return Disk{}, err
	}
	if st.Mode&unix.S_IFMT != unix.S_IFBLK {
		return Disk{}, errors.New("it is not a block device")
	}
	rdev := uint64(st.Rdev) // not 64 bits everywhere
	d := Disk{int64(unix.Major(rdev)), int64(unix.Minor(rdev))}
	_, err := os.Stat(fmt.Sprintf("/sys/dev/block/%d:%d/partition", d.Major, d.Minor))
	if err == nil {
		return Disk{}, errors.New("it is a partition: name its disk")
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return Disk{}, err
	}
	return d, nil
}
