//go:build linux

package containers

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/caisson-dev/caisson/container"
)

// validateBlockIO refuses limits of what is no disk of the host.
func validateBlockIO(limits []container.BlockIOLimit) error {
	var seen []uint64
	for i, l := range limits {
		field := fmt.Sprintf("Options.Resources.BlockIO[%d]", i)
		rates := map[string]int64{"ReadBPS": l.ReadBPS, "WriteBPS": l.WriteBPS, "ReadIOPS": l.ReadIOPS, "WriteIOPS": l.WriteIOPS}
		any := false
		for name, n := range rates {
			if n < 0 {
				return invalid("%s.%s %d: it must not be negative", field, name, n)
			}
			any = any || n > 0
		}
		if !any {
			return invalid("%s: no limit of %s: set ReadBPS, WriteBPS, ReadIOPS or WriteIOPS", field, l.Device)
		}
		rdev, err := disk(l.Device)
		if err != nil {
			return invalid("%s.Device %q: %w", field, l.Device, err)
		}
		if slices.Contains(seen, rdev) {
			return invalid("%s.Device %q: it is there twice", field, l.Device)
		}
		seen = append(seen, rdev)
	}
	return nil
}

// disk is the number of a block device that the kernel limits: a whole one.
func disk(path string) (uint64, error) {
	if !filepath.IsAbs(path) {
		return 0, errors.New("it must be an absolute path of the host, as /dev/sda")
	}
	var st unix.Stat_t
	if err := unix.Stat(path, &st); err != nil {
		return 0, err
	}
	if st.Mode&unix.S_IFMT != unix.S_IFBLK {
		return 0, errors.New("it is no block device")
	}
	rdev := uint64(st.Rdev) //nolint:unconvert // not 64 bits everywhere
	_, err := os.Stat(fmt.Sprintf("/sys/dev/block/%d:%d/partition", unix.Major(rdev), unix.Minor(rdev)))
	if err == nil {
		return 0, errors.New("it is a partition: name its disk")
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return 0, err
	}
	return rdev, nil
}

// blockIO converts the limits of block devices.
func blockIO(r container.Resources) (*specs.LinuxBlockIO, error) {
	if r.BlockIOWeight == 0 && len(r.BlockIO) == 0 {
		return nil, nil
	}
	out := &specs.LinuxBlockIO{}
	if r.BlockIOWeight != 0 {
		weight := uint16(r.BlockIOWeight)
		out.Weight = &weight
	}
	for _, l := range r.BlockIO {
		rdev, err := disk(l.Device)
		if err != nil {
			return nil, invalid("Options.Resources.BlockIO: %q: %w", l.Device, err)
		}
		add := func(to *[]specs.LinuxThrottleDevice, rate int64) {
			if rate != 0 {
				d := specs.LinuxThrottleDevice{Rate: uint64(rate)}
				d.Major, d.Minor = int64(unix.Major(rdev)), int64(unix.Minor(rdev))
				*to = append(*to, d)
			}
		}
		add(&out.ThrottleReadBpsDevice, l.ReadBPS)
		add(&out.ThrottleWriteBpsDevice, l.WriteBPS)
		add(&out.ThrottleReadIOPSDevice, l.ReadIOPS)
		add(&out.ThrottleWriteIOPSDevice, l.WriteIOPS)
	}
	return out, nil
}
