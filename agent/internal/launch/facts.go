//go:build linux

package launch

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"

	"github.com/caisson-dev/caisson/agent/internal/host"
	"github.com/caisson-dev/caisson/agent/internal/spec"
	"github.com/caisson-dev/caisson/container"
)

// Facts looks up on the host what the check of valid and complete options needs.
func (s *Service) Facts(o container.Options) (spec.Facts, error) {
	f, err := s.LimitFacts(o.Resources)
	if err != nil {
		return f, err
	}
	for _, m := range o.Mounts {
		f.Sources = append(f.Sources, source(m))
	}
	for _, d := range o.Resources.Devices {
		_, _, err := host.Devices(d.Source)
		f.Devices = append(f.Devices, err)
	}
	if profile := o.Security.AppArmor; profile != "" && profile != container.Unconfined {
		f.AppArmor = s.cfg.Host.AppArmor.Enabled()
		loaded, err := s.cfg.Host.AppArmor.Loaded(profile)
		f.HasProfile = loaded || err != nil // only root may ask: the start tells
	}
	return f, nil
}

// LimitFacts are the facts about limits alone.
func (s *Service) LimitFacts(r container.Resources) (spec.Facts, error) {
	f := spec.Facts{Host: s.cfg.Host, NumCPU: runtime.NumCPU(), Controllers: map[string]error{}, Disks: Disks(r)}
	var err error
	if r.CPUSet != "" {
		if f.Processors, err = host.Processors(); err != nil {
			return f, err
		}
	}
	if r.MemoryNodes != "" {
		if f.MemoryNodes, err = host.MemoryNodes(); err != nil {
			return f, err
		}
	}
	if r.OOMScoreAdj != 0 {
		if f.OOMScoreAdj, err = host.OOMScoreAdj(); err != nil {
			return f, err
		}
	}
	if s.cfg.Host.Rootless {
		return f, nil // no limit is to be had
	}
	for _, c := range spec.Controllers(r) {
		f.Controllers[c] = s.cfg.Host.CanLimit(c)
	}
	f.Swap = r.MemorySwap != 0 && s.cfg.Host.CountsSwap()
	f.DiskWeights = r.BlockIOWeight != 0 && s.cfg.Host.WeighsDisks()
	f.DiskLimits = len(r.BlockIO) > 0 && s.cfg.Host.LimitsDisks()
	return f, nil
}

// Disks looks up the block devices of the limits.
func Disks(r container.Resources) (found []spec.Disk) {
	for _, l := range r.BlockIO {
		d, err := host.FindDisk(l.Device)
		found = append(found, spec.Disk{Disk: d, Err: err})
	}
	return found
}

// source looks at a bind mount's source, or where it would be made.
func source(m container.Mount) (out spec.Source) {
	if m.Type != container.MountBind {
		return out
	}
	path := m.Source
	if m.CreateSource {
		path = existing(path)
	}
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		out.Err = errors.New("it does not exist")
		if to, err := os.Readlink(path); err == nil {
			out.Err = fmt.Errorf("%s is a link to %s, which does not exist", path, to)
		}
	} else if err != nil {
		out.Err = err
	} else if m.Propagation == container.PropagationSlave || m.Propagation == container.PropagationRSlave {
		out.Private, out.Err = host.PrivateMount(path)
	}
	return out
}

// existing is the path, or the nearest directory above that exists.
func existing(path string) string {
	for {
		if _, err := os.Lstat(path); err == nil || path == "/" {
			return path
		}
		path = filepath.Dir(path)
	}
}

// devices looks up those that a container is to have.
func devices(o container.Options) (out []spec.Device, err error) {
	for _, d := range spec.DevicesOf(o) {
		root, found, err := host.Devices(d.Source)
		if err != nil {
			return nil, invalid("device %s: %w", d.Source, err)
		}
		out = append(out, spec.Place(d, root, found)...)
	}
	return out, nil
}

// hardLimits are this process's own of those that it may not raise.
func (s *Service) hardLimits(limits []container.Ulimit) map[string]uint64 {
	if s.cfg.Host.MayRaise() {
		return nil
	}
	hard := map[string]uint64{}
	for _, u := range limits {
		if n, ok := host.HardLimit(u.Name); ok {
			hard[u.Name] = n
		}
	}
	return hard
}

// appArmor is the profile that a container gets, loaded if it is the default one.
func (s *Service) appArmor(sec container.Security) (string, error) {
	profile, load := spec.AppArmor(sec, s.cfg.Host.LoadsProfiles())
	if !load {
		return profile, nil
	}
	if err := s.cfg.Host.AppArmor.Load(context.Background()); err != nil {
		return "", fmt.Errorf("%w (to run without a profile, set Options.Security.AppArmor to %q)", err, container.Unconfined)
	}
	return profile, nil
}
