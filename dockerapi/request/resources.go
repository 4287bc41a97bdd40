package request

import (
	"strconv"

	"github.com/docker/go-units"
	"github.com/moby/moby/api/types/blkiodev"
	docker "github.com/moby/moby/api/types/container"

	"github.com/caisson-dev/caisson/container"
)

func (c *Create) resources(w *Wanted, _ Known) error {
	h := c.HostConfig
	r, err := Resources(&h.Resources)
	if err != nil {
		return err
	}
	r.ShmSize, r.OOMScoreAdj, r.CgroupParent = h.ShmSize, h.OomScoreAdj, h.CgroupParent
	if h.ShmSize < 0 {
		return invalid("SHM size can not be less than 0")
	}
	for _, d := range h.Devices {
		r.Devices = append(r.Devices, container.Device{Source: d.PathOnHost, Target: d.PathInContainer, Permissions: d.CgroupPermissions})
	}
	for _, u := range h.Ulimits {
		if u != nil {
			r.Ulimits = append(r.Ulimits, container.Ulimit{Name: u.Name, Soft: u.Soft, Hard: u.Hard})
		}
	}
	w.Options.Resources = r
	w.Options.Security.DeviceRules = h.DeviceCgroupRules
	w.Extra.Host.CPUPeriod, w.Extra.Host.CPUQuota = h.CPUPeriod, h.CPUQuota
	return nil
}

// Resources are the limits that can be changed too.
func Resources(d *docker.Resources) (container.Resources, error) {
	r := container.Resources{
		Memory: d.Memory, MemorySwap: d.MemorySwap, MemoryReservation: d.MemoryReservation, CPUs: float64(d.NanoCPUs) / 1e9,
		CPUSet: d.CpusetCpus, MemoryNodes: d.CpusetMems, CPUShares: int(d.CPUShares), BlockIOWeight: int(d.BlkioWeight),
	}
	switch {
	case d.Memory > 0 && d.Memory < 6<<20:
		return r, invalid("Minimum memory limit allowed is 6MB")
	case d.MemorySwap > 0 && d.Memory == 0:
		return r, invalid("You should always set the Memory limit when using Memoryswap limit, see usage")
	case d.Memory > 0 && d.MemorySwap > 0 && d.MemorySwap < d.Memory:
		return r, invalid("Minimum memoryswap limit should be larger than memory limit, see usage")
	case d.Memory > 0 && d.MemoryReservation > d.Memory:
		return r, invalid("Minimum memory limit can not be less than memory reservation limit, see usage")
	case d.NanoCPUs > 0 && (d.CPUPeriod > 0 || d.CPUQuota > 0):
		return r, invalid("Conflicting options: Nano CPUs and CPU Period/Quota cannot both be set.")
	case d.NanoCPUs < 0:
		return r, invalid("range of CPUs is from 0.01: %g is less", r.CPUs)
	case d.CPUPeriod != 0 && (d.CPUPeriod < 1000 || d.CPUPeriod > 1000000):
		return r, invalid("CPU cfs period can not be less than 1ms (i.e. 1000) or larger than 1s (i.e. 1000000)")
	case d.CPUQuota > 0 && d.CPUQuota < 1000:
		return r, invalid("CPU cfs quota can not be less than 1ms (i.e. 1000)")
	}
	if d.CPUQuota > 0 {
		period := d.CPUPeriod
		if period == 0 {
			period = 100000
		}
		r.CPUs = float64(d.CPUQuota) / float64(period)
	}
	if d.PidsLimit != nil && *d.PidsLimit > 0 {
		r.PIDs = *d.PidsLimit
	}
	r.BlockIO = blockIO(d)
	return r, nil
}

// blockIO gathers the four lists of Docker's by device, in the order in which devices are named first.
func blockIO(d *docker.Resources) []container.BlockIOLimit {
	var out []container.BlockIOLimit
	at := map[string]int{}
	for _, list := range []struct {
		of  []*blkiodev.ThrottleDevice
		set func(*container.BlockIOLimit, int64)
	}{
		{d.BlkioDeviceReadBps, func(l *container.BlockIOLimit, n int64) { l.ReadBPS = n }},
		{d.BlkioDeviceWriteBps, func(l *container.BlockIOLimit, n int64) { l.WriteBPS = n }},
		{d.BlkioDeviceReadIOps, func(l *container.BlockIOLimit, n int64) { l.ReadIOPS = n }},
		{d.BlkioDeviceWriteIOps, func(l *container.BlockIOLimit, n int64) { l.WriteIOPS = n }},
	} {
		for _, t := range list.of {
			if t == nil {
				continue
			}
			i, ok := at[t.Path]
			if !ok {
				i = len(out)
				at[t.Path], out = i, append(out, container.BlockIOLimit{Device: t.Path})
			}
			list.set(&out[i], int64(t.Rate))
		}
	}
	return out
}

// logOptions reads those of Docker's json-file driver that bound the log. The others change nothing that can be seen here.
func logOptions(to *container.LogConfig, l docker.LogConfig) error {
	for name, value := range l.Config {
		switch name {
		case "max-size":
			n, err := units.RAMInBytes(value)
			if err != nil {
				return invalid("log-opt max-size: %w", err)
			}
			to.MaxSize = max(n, 0)
		case "max-file":
			n, err := strconv.Atoi(value)
			if err != nil || n < 1 {
				return invalid("log-opt max-file: %q is not a number of files", value)
			}
			to.MaxFiles = n
		case "compress", "mode", "max-buffer-size", "labels", "labels-regex", "env", "env-regex", "tag":
		default:
			return invalid("unknown log opt '%s' for %s log driver", name, l.Type)
		}
	}
	if to.MaxFiles > 0 && to.MaxSize == 0 {
		to.MaxFiles = 0 // a single file that is never full, as in Docker
	}
	return nil
}
